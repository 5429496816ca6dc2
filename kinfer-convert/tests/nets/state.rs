//! Recurrent cells: one time step, whose state is the caller's.

use crate::builder::{Onnx, assert_near, int, ints, text, weights};

const HIDDEN: usize = 2;

/// An LSTM or GRU over one step of three features, as torch.onnx.export writes it for `batch_first=True`.
fn cell(operator: &str, gates: usize, states: &[&str]) -> Onnx {
    let rows = gates * HIDDEN;
    let model = Onnx::new(&[1, 3])
        .floats("w", &[1, rows as i64, 3], &weights(rows * 3, 1))
        .floats("r", &[1, rows as i64, HIDDEN as i64], &weights(rows * HIDDEN, 2))
        .floats("b", &[1, 2 * rows as i64], &weights(2 * rows, 3))
        .integers("one", &[1])
        .node("Transpose", &["x"], "t", &[ints("perm", &[1, 0, 2])]);
    let model = states.iter().fold(model, |model, state| model.input(state, &[1, HIDDEN as i64]));
    let inputs: Vec<&str> = ["t", "w", "r", "b", ""].into_iter().chain(states.iter().copied()).collect();
    let outputs = if operator == "LSTM" { &["Y", "h1", "c1"][..] } else { &["Y", "h1"] };
    let model = model
        .nodes(operator, &inputs, outputs, &[int("hidden_size", HIDDEN as i64), int("linear_before_reset", 1)])
        .node("Squeeze", &["Y", "one"], "s", &[])
        .node("Transpose", &["s"], "u", &[ints("perm", &[1, 0, 2])])
        .floats("head", &[HIDDEN as i64, 2], &weights(4, 4))
        .node("Flatten", &["u"], "f", &[])
        .node("MatMul", &["f", "head"], "y", &[])
        .output("y");
    outputs[1..].iter().fold(model, |model, state| model.output(state))
}

#[test]
fn state_inputs_are_no_features_and_state_outputs_no_scores() {
    for (operator, gates, states) in [("GRU", 3, vec!["h0"]), ("LSTM", 4, vec!["h0", "c0"])] {
        let model = cell(operator, gates, &states);
        let read = model.read().unwrap();
        assert_eq!(read.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), ["x"]);
        assert_eq!(model.simplified().features, 3);
        assert_eq!(model.operators(), ["Cell", "Dense"]);
        assert_eq!(cell(operator, gates, &[]).operators(), ["Cell", "Dense"]);
    }
}

/// The equations of the ONNX operator, for one hidden unit.
#[test]
fn steps_follow_the_equations() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let lstm = Onnx::new(&[1, 1])
        .floats("w", &[1, 4, 1], &[0.5, -0.25, 1.0, 2.0])
        .floats("r", &[1, 4, 1], &[1.0, 0.5, -1.0, 0.25])
        .nodes("LSTM", &["x", "w", "r"], &["Y"], &[int("hidden_size", 1)])
        .node("Flatten", &["Y"], "y", &[])
        .output("y");
    let graph = lstm.simplified();
    let mut state = graph.initial_state();
    let (mut h, mut c) = (0.0f64, 0.0f64);
    for x in [1.0, -2.0, 0.5] {
        let (i, o, f) = (sigmoid(0.5 * x + h), sigmoid(-0.25 * x + 0.5 * h), sigmoid(x - h));
        c = f * c + i * (2.0 * x + 0.25 * h).tanh();
        h = o * c.tanh();
        assert_near(&graph.scores(&[x], &mut state), &[h]);
    }
}

#[test]
fn other_cells_are_refused_with_what_to_do() {
    let attribute = |attribute| {
        let mut model = cell("GRU", 3, &[]);
        model.graph().node[1].attribute.push(attribute);
        model.read().unwrap_err()
    };
    assert_eq!(
        attribute(text("direction", "reverse")),
        "node `Y` (GRU): it runs backwards: a decision knows no later step"
    );
    assert_eq!(attribute(crate::builder::float("clip", 1.0)), "node `Y` (GRU): attribute clip");
    let long = Onnx::new(&[5, 3])
        .floats("w", &[1, 6, 3], &weights(18, 1))
        .floats("r", &[1, 6, 2], &weights(12, 1))
        .node("Transpose", &["x"], "t", &[ints("perm", &[1, 0, 2])])
        .nodes("GRU", &["t", "w", "r"], &["Y"], &[int("hidden_size", 2)])
        .output("Y");
    assert_eq!(
        long.read().unwrap_err(),
        "node `Y` (GRU): its input of shape [5, 1, 3] is not one time step of one row"
    );
}
