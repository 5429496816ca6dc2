//! Squared distances to centroids, and between two tensors.

use kinfer::format::{Distance, SquaredError};

use super::{Scale, Writer};
use crate::emit::c::expression::{bare, plus};

pub(super) fn distance(to: &mut Writer<'_, '_>, distance: &Distance) {
    let node = &to.operator.node;
    let (inputs, outputs, range) = (node.inputs(), node.outputs(), to.operator.accumulator);
    let output = distance.scaling.output(&node.output);
    let (mut values, mut weights, mut biases) = (Vec::new(), Vec::new(), Vec::new());
    for centroid in distance.centroids(node.model.data(), inputs, outputs) {
        values.extend(centroid.values());
        if distance.weights.is_some() {
            weights.extend(centroid.weights().take(inputs).map(i64::from));
        }
        biases.push(centroid.bias);
    }
    let centroid = to.rows("centroids", inputs, &values, ("o", "i"));
    let weight = match distance.weights {
        Some(_) => format!(" * {}", to.rows("weights", inputs, &weights, ("o", "i"))),
        None => String::new(),
    };
    let bias = to.column("bias", "o", &biases);
    let requantized = Scale::write(to, range, "", &[distance.scaling.factor()]).requantize("acc", output);
    to.begin_xy("int o, i;");
    to.code.open(format!("for (o = 0; o < {outputs}; o++)"));
    to.code.line(format!("int64_t acc = {bias};"));
    to.code.blank();
    to.code.open(format!("for (i = 0; i < {inputs}; i++)"));
    to.code.line(format!("int64_t d = x[i] - {centroid};"));
    to.code.blank();
    to.code.line(format!("acc += d * d{weight};"));
    to.code.close("");
    to.code.line(format!("y[o] = {requantized};"));
    to.code.close("");
    to.code.close("");
}

pub(super) fn squared_error(to: &mut Writer<'_, '_>, error: &SquaredError) {
    let node = &to.operator.node;
    let (inputs, range) = (node.inputs(), to.operator.accumulator);
    let output = error.scaling.output(&node.output);
    let offset = i64::from(node.second.0.zero_point) - i64::from(node.input.zero_point);
    let weight = match error.weights {
        Some(_) => {
            let weights: Vec<i64> = error.weights(node.model.data()).take(inputs).map(i64::from).collect();
            format!(" * {}", to.column("weights", "i", &weights))
        }
        None => String::new(),
    };
    let requantized = Scale::write(to, range, "", &[error.scaling.factor()]).requantize("acc", output);
    to.begin_xzy("int64_t acc = 0;\nint i;");
    to.code.open(format!("for (i = 0; i < {inputs}; i++)"));
    to.code.line(format!("int64_t d = {};", bare(&plus("x[i] - z[i]", offset))));
    to.code.blank();
    to.code.line(format!("acc += d * d{weight};"));
    to.code.close("");
    to.code.line(format!("y[0] = {requantized};"));
    to.code.close("");
}
