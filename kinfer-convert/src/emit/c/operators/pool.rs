//! Pooling: each channel of a window by itself.

use kinfer::format::{Pool, PoolMode, Rounding};

use super::Writer;
use super::rows::taps;
use crate::emit::c::expression::{plus, times};

pub(super) fn pool(to: &mut Writer<'_, '_>, pool: &Pool) {
    let (input, output) = (to.operator.node.input, to.operator.node.output);
    let ([_, width], channels) = (input.size(), input.channels());
    let [rows, columns] = output.size();
    let pixel = format!("x[{} + c]", times(&format!("(v * {width} + u)"), channels.into()));
    let name = format!("@{}_window", to.name);

    to.about("What becomes of channel c of the window at a row and a column.");
    to.code.function(format!("static int32_t {name}(const {} *x, int row, int column, int c)", to.x()));
    match pool.mode {
        PoolMode::Max => {
            to.code.line(format!("int32_t most = {};", input.element.range().0));
            to.code.line("int i, j;");
            to.code.blank();
            taps(to, &pool.window, input.size(), |to| {
                to.code.line(format!("if ({pixel} > most)\n\tmost = {pixel};"));
            });
            to.code.line("return most;");
        }
        PoolMode::Average | PoolMode::AveragePadded => {
            let mean = mean(pool, input.zero_point);
            let counts = mean.contains("pixels");
            to.code.line(if counts { "int64_t sum = 0, pixels = 0;" } else { "int64_t sum = 0;" });
            to.code.line("int i, j;");
            to.code.blank();
            taps(to, &pool.window, input.size(), |to| {
                to.code.line(format!("sum += {pixel};"));
                if counts {
                    to.code.line("pixels++;");
                }
            });
            to.code.line(format!("return {mean};"));
        }
    }
    to.code.close("");
    to.code.blank();
    to.begin_xy("int row, column, c;");
    to.code.line(format!("for (row = 0; row < {rows}; row++)"));
    to.code.line(format!("\tfor (column = 0; column < {columns}; column++)"));
    to.code.line(format!("\t\tfor (c = 0; c < {channels}; c++)"));
    to.code.line(format!("\t\t\t*y++ = @keep({name}(x, row, column, c));"));
    to.code.close("");
}

/// The mean of `pixels` values that sum up to `sum`, where the padding counts with zeros or does not.
fn mean(pool: &Pool, zero_point: i32) -> String {
    let padded = pool.mode == PoolMode::AveragePadded;
    let count = if padded { pool.window.taps().to_string() } else { "pixels".into() };
    let zeros = |pixels: &str| match zero_point {
        0 => String::new(),
        _ => format!(" - {}", times(pixels, zero_point.into())),
    };
    match pool.rounding {
        Rounding::HalfEven => plus(&format!("@mean_half_even(sum{}, {count})", zeros("pixels")), zero_point.into()),
        _ if padded => format!("@mean_half_away(sum{}, {count})", zeros(&format!("(pixels - {count})"))),
        _ => format!("@mean_half_away(sum, {count})"),
    }
}
