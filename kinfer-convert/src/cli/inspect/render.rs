//! A model file as text.

use super::describe::{Description, OperatorLine, TensorLine};
use crate::cli::budget;

pub(super) fn render(model: &Description) -> String {
    let mut out = format!("{} bytes, CRC-32C {}\n", model.bytes, model.crc32c);
    match &model.refused_by_kernel {
        None => out += "kernel      accepts\n",
        Some(sentence) => out += &format!("kernel      refuses: {sentence}\n"),
    }

    out += "\nfeatures: raw counters, and their range in calibration\n";
    let width = model.features.iter().map(|feature| feature.name.len()).max().unwrap_or(0);
    for (index, feature) in model.features.iter().enumerate() {
        out += &format!("{index:>4}  {:<width$}  {}..{}", feature.name, feature.lo, feature.hi);
        let [lo, hi] = feature.range;
        out += &match feature.resolution {
            1.0 if feature.unit == "1" => "\n".to_owned(),
            1.0 => format!(" {}\n", feature.unit),
            resolution => {
                let number = kinfer_convert::data::resolution::number;
                format!(" of {} {}: {} to {} {}\n", number(resolution), feature.unit, six(lo), six(hi), feature.unit)
            }
        };
    }
    let steps: Vec<_> = model.program.iter().map(|step| format!("{} {}", step.count, step.kind)).collect();
    out += &format!("\nprogram     {} steps: {}\n", count(model), steps.join(", "));

    out += "\ntensors: type, shape, scale, zero point, reachable values\n";
    for (index, tensor) in model.tensors.iter().enumerate() {
        out += &tensor_line(index, tensor);
    }

    out += "\noperators\n";
    for (index, operator) in model.operators.iter().enumerate() {
        out += &operator_lines(index, operator);
    }

    let head = &model.head;
    let threshold = head.threshold.as_ref().map_or(String::new(), |threshold| format!(" at {threshold}"));
    let k = head.k.map_or(String::new(), |k| format!(" with k = {k}"));
    out += &format!(
        "\nhead        {}{threshold}{k} of tensor {}, low margin below {}\noutcomes    {}\n",
        head.kind,
        head.scores,
        head.low_margin,
        model.outcomes.join(", ")
    );
    out += &format!("\ncost, of the kernel's budget\n{}", budget::table(&model.budget));
    out += &format!("  {:<14} {:>10} at most\n", "stack bytes", model.cost.stack_bytes);
    out += "\nprovenance\n";
    model.provenance.iter().for_each(|line| out += &format!("      {line}\n"));
    out
}

fn count(model: &Description) -> usize {
    model.program.iter().map(|step| step.count).sum()
}

fn tensor_line(index: usize, tensor: &TensorLine) -> String {
    let shape: Vec<_> = tensor.shape.iter().map(u32::to_string).collect();
    let ([low, high], [lo, hi]) = (tensor.reachable, tensor.range);
    format!(
        "{index:>4}  {:<5} {:<12} scale {:<11} zero point {:<6} {low}..{high} = {} to {}\n",
        tensor.element,
        shape.join("x"),
        six(tensor.scale),
        tensor.zero_point,
        six(lo),
        six(hi)
    )
}

fn operator_lines(index: usize, operator: &OperatorLine) -> String {
    let second = operator.second.map_or(String::new(), |second| format!(" and {second}"));
    let particulars: String =
        [operator.weights.map(|weights| format!("{weights} weights")), operator.particulars.clone()]
            .into_iter()
            .flatten()
            .map(|text| format!(", {text}"))
            .collect();
    let lanes = match (operator.lanes, operator.lane_bits) {
        (0, _) => String::new(),
        (1, Some(bits)) => format!(", one lane of {bits} bits"),
        (lanes, Some(bits)) => format!(", {lanes} lanes of {bits} bits"),
        (lanes, None) => format!(", {lanes} lanes"),
    };
    format!(
        "{index:>4}  {} {}{second} -> {}{particulars}\n      {} operations, {} look-ups, {} cycles by the cost model, {} bytes \
         packed\n      accumulators {}..{} in {} bits, {} backend{lanes}\n",
        operator.kind,
        operator.input,
        operator.output,
        operator.operations,
        operator.look_ups,
        operator.cycles,
        operator.packed_bytes,
        operator.accumulator[0],
        operator.accumulator[1],
        operator.accumulator_bits,
        operator.backend,
    )
}

/// Six significant digits.
fn six(value: f64) -> String {
    let places = if value == 0.0 { 0 } else { 5 - value.abs().log10().floor() as i32 };
    if (0..=12).contains(&places) {
        let digits = format!("{value:.*}", places as usize);
        let trimmed = if places > 0 { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
        trimmed.to_owned()
    } else {
        format!("{value:.5e}")
    }
}

#[cfg(test)]
mod tests {
    use super::six;

    #[test]
    fn numbers_have_six_significant_digits() {
        assert_eq!(six(0.0), "0");
        assert_eq!(six(0.1), "0.1");
        assert_eq!(six(-1234.5678), "-1234.57");
        assert_eq!(six(1.0 / 3e4), "0.0000333333");
        assert_eq!(six(123_456_789.0), "1.23457e8");
        assert_eq!(six(1e-20), "1.00000e-20");
    }
}
