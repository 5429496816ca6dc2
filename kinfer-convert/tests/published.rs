//! Models of published systems, where the project's shared data is there: they are not committed.

use std::path::PathBuf;

use kinfer_convert::convert::{Activations, Options};
use kinfer_convert::onnx::{Rule, Source, lower};
use kinfer_convert::progress::Silent;
use kinfer_convert::{Conversion, convert};

/// A file of the shared data, or a note that the test is skipped.
fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: {name} is not in ../shared/data beside the repository");
        return None;
    }
    Some(path)
}

/// MLLB's load balancer (MLP 15-10-1, migrate above 0.5). No data are published: counters of plausible range stand in.
#[test]
fn mllb_decides_as_in_float() {
    let Some(model) = shared("mllb/can_migrate_task.onnx") else { return };
    let lowered = lower(&Source::open(&model).unwrap()).unwrap();
    assert_eq!((lowered.network.normalize.len(), lowered.network.layers.len()), (15, 2));
    assert_eq!(lowered.head.rule, Rule::Threshold { threshold: 0.0, sigmoid: false });

    let mut csv = (0..15).map(|feature| format!("f{feature}")).collect::<Vec<_>>().join(",") + "\n";
    let mut state = 1u64;
    for _ in 0..3000 {
        let row: Vec<String> = (0..15)
            .map(|feature| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) % if feature < 6 { 2 } else { 40 }).to_string()
            })
            .collect();
        csv += &(row.join(",") + "\n");
    }
    let data = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&data, csv).unwrap();
    let options = Options {
        model: &model,
        calibrate: data.path(),
        evaluate: None,
        label: None,
        threshold: Some(0.5),
        activations: Activations::Int16,
    };
    let Conversion { report, .. } = convert(&options, &Silent).unwrap();
    assert!(report.agreement >= 0.995, "{}", report.agreement);
}

/// KML's networks have Sigmoid in hidden layers, which this release does not make integer.
#[test]
fn kml_is_refused_by_the_name_of_its_sigmoid() {
    for name in ["kml/readahead_normalised.onnx", "kml/readahead_raw.onnx"] {
        let Some(model) = shared(name) else { return };
        let error = lower(&Source::open(&model).unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "node `act0` (Sigmoid): supported only right before the decision, here node `linear1` (Gemm) computes with its output"
        );
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(help.starts_with("supported: Abs, Add"), "{help}");
    }
}
