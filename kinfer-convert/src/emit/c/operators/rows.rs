//! Dense layers and convolutions: rows of weights, a sum a channel, requantised.

use kinfer::format::{Channel, Conv, Dense, Weights, Window};

use super::{Scale, Writer};
use crate::emit::c::expression::{bare, less, plus, times};

/// What a channel `o` is, as expressions.
struct Rows {
    /// Weight `i`, by an expression for it.
    weight: String,
    bias: String,
    /// What becomes of `acc`.
    requantized: String,
}

impl Rows {
    fn write(to: &mut Writer<'_, '_>, weights: &Weights, row: usize, channels: usize, i: &str) -> Self {
        let node = &to.operator.node;
        let channels: Vec<Channel<'_>> = weights.channels(node.model.data(), row, channels).collect();
        let (range, output) = (to.operator.accumulator, weights.output(&node.output));
        let all: Vec<i64> = channels.iter().flat_map(Channel::weights).collect();
        let biases: Vec<i64> = channels.iter().map(|channel| channel.bias).collect();
        let factors: Vec<_> = channels.iter().map(|channel| channel.factor).collect();
        Self {
            weight: to.rows("weights", row, &all, ("o", i)),
            bias: to.column("bias", "o", &biases),
            requantized: Scale::write(to, range, "o", &factors).requantize("acc", output),
        }
    }
}

pub(super) fn dense(to: &mut Writer<'_, '_>, dense: &Dense) {
    let (inputs, outputs) = (to.operator.node.inputs(), to.operator.node.outputs());
    let rows = Rows::write(to, &dense.weights, inputs, outputs, "i");
    let x = less("x[i]", to.operator.node.input.zero_point);
    to.begin_xy("int o, i;");
    to.code.open(format!("for (o = 0; o < {outputs}; o++)"));
    to.code.line(format!("int64_t acc = {};", rows.bias));
    to.code.blank();
    to.code.line(format!("for (i = 0; i < {inputs}; i++)"));
    to.code.line(format!("\tacc += (int64_t){} * {x};", rows.weight));
    to.code.line(format!("y[o] = {};", rows.requantized));
    to.code.close("");
    to.code.close("");
}

pub(super) fn conv(to: &mut Writer<'_, '_>, conv: &Conv) {
    let node = &to.operator.node;
    let (input, output) = (node.input, node.output);
    let ([depth, group], row) = (conv.channels_of_group(&input, &output), conv.row(&input));
    let ([_, width], [_, kernel_width]) = (input.size(), conv.window.kernel);
    let ([rows, columns], channels) = (output.size(), output.channels());
    let tap = match kernel_width {
        1 => "i".to_owned(),
        _ => format!("(i * {kernel_width} + j)"),
    };
    let weight = if depth == 1 { format!("{tap} + c") } else { format!("{tap} * {depth} + c") };
    let of = Rows::write(to, &conv.weights, row, channels as usize, &weight);

    // The first channel of the output channel's group.
    let first = match (conv.groups, group) {
        (1, _) => String::new(),
        (_, 1) => format!(" + {}", times("o", depth as i64)),
        _ => format!(" + {}", times(&format!("o / {group}"), depth as i64)),
    };
    let pixel = format!("x[{}{first} + c]", times(&format!("(v * {width} + u)"), input.channels().into()));
    let name = format!("@{}_sum", to.name);
    to.about("The sum of output channel o for the window at a row and a column.");
    // Nothing depends on the channel where there is one.
    let (parameter, argument) = if channels == 1 { ("", "") } else { (", int o", ", o") };
    to.code.function(format!("static int64_t {name}(const {} *x, int row, int column{parameter})", to.x()));
    to.code.line(format!("int64_t acc = {};", of.bias));
    to.code.line("int i, j, c;");
    to.code.blank();
    taps(to, &conv.window, input.size(), |to| {
        to.code.line(format!("for (c = 0; c < {depth}; c++)"));
        to.code.line(format!("\tacc += (int64_t){} * {};", of.weight, less(&pixel, input.zero_point)));
    });
    to.code.line("return acc;");
    to.code.close("");
    to.code.blank();
    to.begin_xy("int row, column, o;");
    to.code.line(format!("for (row = 0; row < {rows}; row++)"));
    to.code.line(format!("\tfor (column = 0; column < {columns}; column++)"));
    to.code.line(format!("\t\tfor (o = 0; o < {channels}; o++) {{"));
    to.code.line(format!("\t\t\tint64_t acc = {name}(x, row, column{argument});"));
    to.code.blank();
    to.code.line(format!("\t\t\t*y++ = {};", of.requantized));
    to.code.line("\t\t}");
    to.code.close("");
}

/// Loops over the taps `i`, `j` of the window at `row` and `column` that lie in an image of height and width `size`; for each
/// what `body` writes of the pixel at `v`, `u`.
pub(super) fn taps(to: &mut Writer<'_, '_>, window: &Window, size: [u32; 2], body: impl FnOnce(&mut Writer<'_, '_>)) {
    let ([height, width], [kernel_height, kernel_width]) = (size, window.kernel);
    let at = |axis: &str, tap: &str, which: usize| {
        let pick = |pair: [u16; 2]| pair.get(which).copied().unwrap_or_default();
        let (stride, dilation) = (pick(window.stride).into(), pick(window.dilation).into());
        let padded = format!("{} + {}", times(axis, stride), times(tap, dilation));
        bare(&plus(&padded, -i64::from(pick(window.before)))).to_owned()
    };
    let inside = |to: &mut Writer<'_, '_>, at: &str, size: u32| {
        to.code.blank();
        if window.is_padded() {
            to.code.line(format!("if ({at} < 0 || {at} >= {size})\n\tcontinue;"));
        }
    };
    to.code.open(format!("for (i = 0; i < {kernel_height}; i++)"));
    to.code.line(format!("int v = {};", at("row", "i", 0)));
    inside(to, "v", height);
    to.code.open(format!("for (j = 0; j < {kernel_width}; j++)"));
    to.code.line(format!("int u = {};", at("column", "j", 1)));
    inside(to, "u", width);
    body(to);
    to.code.close("");
    to.code.close("");
}
