//! Functions of one int8 value as the interpreters evaluate them: 256 entries each, in the order of the inputs.

use super::Rounding;
use super::fixed_point::{down, logistic, tanh};
use super::multiplier::Multiplier;
use super::schema::Grid;

/// A function and how an interpreter evaluates it; nothing where the interpreter refuses the scales or leaves them undefined.
pub(super) type Entries = Option<Vec<i8>>;

/// `LOGISTIC`.
pub(super) fn logistic_entries(input: Grid, output: Grid, rounding: Rounding) -> Entries {
    if output != (Grid { scale: 1.0 / 256.0, zero_point: -128 }) {
        return None;
    }
    match rounding {
        Rounding::Single | Rounding::Litert => Some(float(input, output, |x| 1.0 / (1.0 + (-x).exp()))),
        Rounding::Double => fixed(input, |x| down(logistic(x), 23) - 128),
    }
}

/// `TANH`.
pub(super) fn tanh_entries(input: Grid, output: Grid, rounding: Rounding) -> Entries {
    match rounding {
        Rounding::Single | Rounding::Litert => Some(float(input, output, f32::tanh)),
        Rounding::Double if output == (Grid { scale: 1.0 / 128.0, zero_point: 0 }) => {
            fixed(input, |x| down(tanh(x), 24))
        }
        Rounding::Double => None,
    }
}

/// `HARD_SWISH`: products of 16 bits (`reference/hard_swish.h`).
pub(super) fn hard_swish_entries(input: Grid, output: Grid) -> Entries {
    let fine = input.scale * (1.0 / 128.0);
    let to_output = Multiplier::new(f64::from(fine / output.scale));
    let to_share = Multiplier::new(f64::from(fine / (3.0 / 32_768.0)));
    let right = u8::try_from(-to_output.exponent).ok().filter(|&right| right < 16)?;
    let share_shift = Some(to_share.exponent).filter(|shift| (-15..=15).contains(shift))?;
    let (by, share_by) = (short(to_output), short(to_share));
    let entry = |q: i32| {
        let x = (q - input.zero_point) << 7;
        let unshifted = high(x, by);
        // The share of x that is let through: −1..1, saturated, and from there to 0..1.
        let before = if share_shift > 0 { saturate(x << (share_shift - 1)) } else { x };
        let share = high(before, share_by);
        let share = if share_shift > 0 { saturate(share << 1) } else { down(share, (-share_shift) as u8) };
        let share = (share + (1 << 15)) >> 1;
        saturate_i8(down(share * unshifted / (1 << 15), right) + output.zero_point)
    };
    Some((-128..=127).map(entry).collect())
}

/// An int8 value less its zero point, brought to another scale with 20 bits more, as `ADD` and `SUB` do with their operands.
pub(super) fn operand_entries(grid: Grid, by: Multiplier, rounding: Rounding) -> Vec<i32> {
    (-128..=127).map(|q| by.of(i64::from(q - grid.zero_point) << 20, rounding) as i32).collect()
}

/// `LUTPopulate` of LiteRT: in single precision.
fn float(input: Grid, output: Grid, function: impl Fn(f32) -> f32) -> Vec<i8> {
    let inverse = 1.0 / output.scale;
    let entry = |q: i32| {
        let units = (function(input.scale * (q - input.zero_point) as f32) * inverse).round();
        saturate_i8((units + output.zero_point as f32) as i32)
    };
    (-128..=127).map(entry).collect()
}

/// tflite-micro's kernels: in fixed point with four integer bits, the ends of the type where the input leaves them.
fn fixed(input: Grid, function: impl Fn(i32) -> i32) -> Entries {
    let by = Multiplier::new(f64::from(input.scale) * 27f64.exp2());
    let left = u32::try_from(by.exponent).ok().filter(|left| *left <= 30)?;
    let radius = ((15i64 << 27) >> left) as i32;
    let entry = |q: i32| match q - input.zero_point {
        x if x <= -radius => i8::MIN,
        x if x >= radius => i8::MAX,
        x => saturate_i8(function(by.of(x.into(), Rounding::Double) as i32)),
    };
    Some((-128..=127).map(entry).collect())
}

/// `DownScaleInt32ToInt16Multiplier`.
fn short(by: Multiplier) -> i32 {
    if by.significand >= i32::MAX - (1 << 15) { i16::MAX.into() } else { (by.significand + (1 << 15)) >> 16 }
}

/// The doubling high half of a product of 16 bits, ties up.
fn high(a: i32, b: i32) -> i32 {
    (a * b + (1 << 14)) >> 15
}

fn saturate(x: i32) -> i32 {
    x.clamp(i16::MIN.into(), i16::MAX.into())
}

fn saturate_i8(x: i32) -> i8 {
    x.clamp(i8::MIN.into(), i8::MAX.into()) as i8
}
