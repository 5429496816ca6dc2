//! Networks against what others compute with them: the graph that is read, in double precision, has the outputs of ONNX Runtime
//! for what PyTorch's exporters write, and those of ONNX's own node tests.
//!
//! `cargo xtask outside nets` makes the models (`tests/outside/nets/`) and runs this.

mod cases;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cases::{Outcome, cases};

/// What torch.export of PyTorch 2.6 writes in a way that is not read, and the refusal.
const REFUSED: &[(&str, &str)] = &[
    // A condition on the features, in the function that it calls.
    ("mlp-softplus.dynamo", "(Greater): supported for one score or probability and a constant"),
    ("function-mish-written.dynamo", "(Greater): supported for one score or probability and a constant"),
    ("function-index.dynamo", "(GatherND): this operator is not supported"),
    // It takes recurrent layers apart, over a sequence of steps; TorchScript writes GRU and LSTM.
    ("gru.dynamo", "(SplitToSequence): this operator is not supported"),
    ("lstm.dynamo", "(SplitToSequence): this operator is not supported"),
    ("gru-stateless.dynamo", "(SplitToSequence): this operator is not supported"),
    ("lstm-stateless.dynamo", "(SplitToSequence): this operator is not supported"),
    ("gru-two-layers.dynamo", "input `state0` does not have one row of features a batch element"),
    ("lstm-two-layers.dynamo", "input `state0` does not have one row of features a batch element"),
];

#[test]
fn networks_of_both_torch_exporters_have_the_scores_of_onnx_runtime() {
    let Some(cases) = cases("KINFER_TORCH") else { return };
    let is_expected = |name: &str, what: &str| REFUSED.iter().any(|(known, why)| *known == name && what.ends_with(why));
    let mut wrong = vec![];
    let (mut same, mut unwritten) = (0, 0);
    for case in &cases {
        match (case.outcome(), &case.unsupported) {
            (Outcome::Same, _) => same += 1,
            // The exporter could not write it.
            (Outcome::Refused(_), Some(reason)) => {
                eprintln!("{}: {reason}", case.name);
                unwritten += 1;
            }
            (Outcome::Refused(what), None) if is_expected(&case.name, &what) => {}
            (Outcome::Refused(what) | Outcome::Differs(what), _) => wrong.push(format!("{}: {what}", case.name)),
        }
    }
    println!("{same} networks have the scores of ONNX Runtime, {unwritten} are not written");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    for exporter in ["13", "17", "dynamo"] {
        let written = |case: &&cases::Case| case.unsupported.is_none() && case.name.ends_with(exporter);
        assert!(cases.iter().filter(written).count() > 30, "{exporter} wrote next to nothing");
    }
}

const HEAD: &str = "# What is read of ONNX: its node tests

[onnx-operators.md](onnx-operators.md) lists the operators; integer operators have their own page, [onnx-support-integers.md](onnx-support-integers.md).
Written by a test (`cargo xtask outside nets` with `KINFER_WRITE_DOCS=1`). Each node test of `onnx` 1.23 whose operators the
reader of float models names is a model of that node; its other inputs are constants. *passed*: what is read computes the test's
outputs within 1e-4, in double precision, as it is read and simplified. The others are refused, for the reason that is given.
";

#[test]
fn node_tests_of_onnx_pass_or_are_refused() {
    let Some(cases) = cases("KINFER_NODE_TESTS") else { return };
    let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut wrong = vec![];
    let mut passed = 0;
    for case in &cases {
        let outcome = match case.outcome() {
            Outcome::Same => {
                passed += 1;
                "passed".into()
            }
            Outcome::Refused(why) => format!("not supported: {}", why.replace('|', "\\|").replace(&case.name, "…")),
            Outcome::Differs(what) => {
                wrong.push(format!("{}: {what}", case.name));
                "differs".into()
            }
        };
        rows.entry(&case.group).or_default().push(format!("| {} | {outcome} |\n", case.name));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed > 300, "{passed}");

    let mut page = format!("{HEAD}\n{passed} of {} pass.\n", cases.len());
    for (operators, rows) in rows {
        write!(page, "\n## {operators}\n\n| test | |\n|---|---|\n{}", rows.concat()).unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/onnx-support.md");
    if std::env::var_os("KINFER_WRITE_DOCS").is_some() {
        std::fs::write(path, page).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page, "docs/onnx-support.md is out of date: run this with KINFER_WRITE_DOCS=1");
}
