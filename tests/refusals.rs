//! Every hostile file is refused with the sentence that names what is wrong and where.

use kinfer::{Limits, Model, Packed, verify};
use kinfer_suite::{hostile, models, zoo};

fn verdict(bytes: &[u8]) -> Result<(), String> {
    let model = Model::parse(bytes).map_err(|error| error.to_string())?;
    verify(&model, &Limits::KERNEL).map(drop).map_err(|error| error.to_string())
}

#[test]
fn every_hostile_file_is_refused_with_its_own_sentence() {
    let mut wrong = Vec::new();
    for file in hostile::all() {
        match verdict(&file.bytes) {
            Err(sentence) if sentence == file.sentence => {}
            other => wrong.push(format!("{}: {other:?}, expected {:?}", file.name, file.sentence)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hostile_files_have_names_of_their_own() {
    let mut names: Vec<_> = hostile::all().iter().map(|file| file.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn the_model_that_the_hostile_ones_are_made_from_is_accepted() {
    assert_eq!(verdict(&models::two_counters().to_bytes()), Ok(()));
}

#[test]
fn a_caller_with_another_feature_count_is_refused_and_a_decision_falls_back() {
    let bytes = models::two_counters().to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
    let error = packed.check_inputs(3).unwrap_err();
    assert_eq!(error.to_string(), "caller: passes 3 features, the model takes 2");
    let mut scratch = vec![0; report.scratch_words];
    assert_eq!(packed.decide(&mut scratch, &[1, 2, 3]), kinfer::Decision::FALLBACK);
    assert_eq!(packed.decide(&mut scratch[1..], &[1, 2]), kinfer::Decision::FALLBACK);
}

#[test]
fn a_report_of_another_file_or_too_little_memory_is_refused() {
    let (one, mut other) = (models::two_counters(), models::two_counters());
    other.features[0].name = "other".into();
    let (one, other) = (one.to_bytes(), other.to_bytes());
    let (one, other) = (Model::parse(&one).unwrap(), Model::parse(&other).unwrap());
    let report = verify(&one, &Limits::KERNEL).unwrap();
    let wrong = Packed::new(&other, &report, vec![0; report.packed_words]).unwrap_err();
    assert!(wrong.to_string().starts_with("caller: says CRC-32C "), "{wrong}");
    let small = Packed::new(&one, &report, vec![0; report.packed_words - 1]).unwrap_err();
    let needs = report.packed_bytes();
    assert_eq!(small.to_string(), format!("caller: gives {} bytes of memory, the model needs {needs}", needs - 8));
}

/// Takes one off a budget.
type Less = fn(Limits) -> Limits;

#[test]
fn each_budget_holds_at_its_value_and_refuses_below_it() {
    let (_, trees) = zoo::all().into_iter().find(|(name, _)| *name == "zoo-trees").unwrap();
    let bytes = trees.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let exact = Limits {
        file_bytes: bytes.len(),
        packed_bytes: report.packed_bytes(),
        scratch_bytes: report.scratch_bytes(),
        state_bytes: report.state_bytes(),
        operations: report.operations,
        look_ups: report.look_ups,
    };
    assert!(verify(&model, &exact).is_ok());
    let less: [(_, Less); 5] = [
        ("file bytes", |l| Limits { file_bytes: l.file_bytes - 1, ..l }),
        ("packed bytes", |l| Limits { packed_bytes: l.packed_bytes - 1, ..l }),
        ("scratch bytes", |l| Limits { scratch_bytes: l.scratch_bytes - 1, ..l }),
        ("operations", |l| Limits { operations: l.operations - 1, ..l }),
        ("look-ups", |l| Limits { look_ups: l.look_ups - 1, ..l }),
    ];
    for (what, less) in less {
        let sentence = verify(&model, &less(exact)).unwrap_err().to_string();
        assert!(sentence.starts_with(&format!("file: {what} ")), "{what}: {sentence}");
    }
}
