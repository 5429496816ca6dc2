//! Sums → activations.
//!
//! A lane holds its sum plus half the lane's range, so that it is not negative and unpacking is a shift and a mask; what
//! that half adds is taken off again in a constant of the form.

use super::block::{Block, Lanes};
use super::rows::Head;
use crate::format::{Channel, Rounding};
use crate::iter::chunks;
use crate::ops::requantize::{requantize, Factor, Output};
use crate::verify::Interval;

/// How the sums of a block become activations. Every form gives the bits of [`requantize`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// All lanes of a word at once: a power-of-two scale, the same for all rows.
    InLanes {
        /// Of the scale.
        shift: u8,
    },
    /// `(u · multiplier + constant) >> shift` in 64 bits. Ties round up, or are proved impossible.
    Multiply,
    /// As [`Form::Multiply`], with ties to even.
    HalfEven,
    /// [`requantize`] itself.
    Plain,
}

impl Form {
    /// The cheapest form for a row whose sum is in `acc`.
    #[inline(never)]
    pub(super) fn of(channel: &Channel<'_>, acc: Interval, lanes: Lanes, output: Output) -> Self {
        let Factor { shift, .. } = channel.factor;
        match output.rounding {
            Rounding::Shift if lanes != Lanes::One && fits_lane(acc, shift, lanes, output) => Self::InLanes { shift },
            Rounding::TfliteDouble => Self::Plain,
            _ if !fits_word(acc, channel.factor, output) => Self::Plain,
            Rounding::HalfEven if ties(acc, channel.factor) => Self::HalfEven,
            _ => Self::Multiply,
        }
    }

    /// The form for rows of both.
    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Plain, _) | (_, Self::Plain) => Self::Plain,
            (Self::HalfEven, _) | (_, Self::HalfEven) => Self::HalfEven,
            // Shifts that differ, or a sum that leaves its lane once the bounds are in.
            _ => Self::Multiply,
        }
    }

    /// Words of constants that the form takes for a block.
    pub(super) fn words(self, block: &Block) -> usize {
        match self {
            Self::InLanes { .. } => 0, // a segment has them once
            Self::Multiply | Self::Plain => block.padded_rows().saturating_mul(2),
            Self::HalfEven => block.padded_rows().saturating_mul(3),
        }
    }

    /// Cycles for a block, by counting instructions at four a cycle.
    pub(super) fn cycles(self, block: &Block) -> usize {
        match self {
            Self::InLanes { .. } => block.words.saturating_mul(3).saturating_add(block.rows),
            Self::Multiply => block.rows.saturating_mul(3),
            Self::HalfEven => block.rows.saturating_mul(4),
            Self::Plain => block.rows.saturating_mul(12),
        }
    }

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::InLanes { .. } => 0,
            Self::Multiply => 1,
            Self::HalfEven => 2,
            Self::Plain => 3,
        }
    }
}

/// What is added to the sum of a row beside its bias: half a lane, and for [`Form::InLanes`] what brings the smallest
/// output to zero.
pub(super) fn lane_bias(form: Form, lanes: Lanes, output: Output) -> i64 {
    let half = match lanes {
        Lanes::One => 0,
        _ => 1i64.wrapping_shl(lanes.bits().wrapping_sub(1)),
    };
    match form {
        Form::InLanes { shift } => half.wrapping_add(lowest_to_zero(shift, output)),
        _ => half,
    }
}

/// Writes the constants of one row into `to`, 2 or 3 words; nothing for [`Form::InLanes`].
pub(super) fn pack_row(form: Form, lanes: Lanes, channel: &Channel<'_>, output: Output, to: &mut [i64]) {
    let Factor { multiplier, shift } = channel.factor;
    let factor = i64::from(multiplier as u32) | i64::from(shift).wrapping_shl(32);
    let half = match (output.rounding, shift) {
        (Rounding::Shift, _) | (_, 0) => 0,
        (_, shift) => 1i64.wrapping_shl(u32::from(shift).wrapping_sub(1)),
    };
    let zero_point = i64::from(output.zero_point).wrapping_shl(u32::from(shift));
    let unbias = i64::from(multiplier).wrapping_mul(lane_bias(form, lanes, output)).wrapping_neg();
    let constants = match form {
        Form::InLanes { .. } => [0, 0, 0],
        Form::Multiply => [factor, unbias.wrapping_add(half).wrapping_add(zero_point), 0],
        Form::HalfEven => [factor, unbias, half.wrapping_sub(i64::from(shift != 0))],
        Form::Plain => [factor, lane_bias(form, lanes, output).wrapping_neg(), 0],
    };
    for (to, word) in to.iter_mut().zip(constants) {
        *to = word;
    }
}

/// Constants of [`Form::InLanes`], for all blocks of a segment.
pub(super) const IN_LANES_WORDS: usize = 3;

/// The constants of [`Form::InLanes`].
pub(super) fn in_lanes_constants(shift: u8, lanes: Lanes, output: Output) -> [i64; IN_LANES_WORDS] {
    let ones = ones(lanes);
    let top = 1i64.wrapping_shl(lanes.bits().wrapping_sub(1)).wrapping_sub(1); // largest of a lane without its top bit
    let span = i64::from(output.hi).wrapping_sub(i64::from(output.lo)).min(top);
    [
        top.wrapping_shr(u32::from(shift)).wrapping_mul(ones),
        top.wrapping_sub(span).wrapping_mul(ones),
        span.wrapping_mul(ones),
    ]
}

/// One in every lane.
const fn ones(lanes: Lanes) -> i64 {
    match lanes {
        Lanes::One => 1,
        Lanes::Two => 1 | 1 << 32,
        Lanes::Three => 1 | 1 << 21 | 1 << 42,
        Lanes::Four => 1 | 1 << 16 | 1 << 32 | 1 << 48,
    }
}

/// The ways from sums to activations, by how much stack they take.
pub(super) trait Finish {
    /// Writes the rows of `sums`, the words of a block, to the front of `out`, as far as it goes; what is behind them. `head`
    /// is the segment's, `constants` are the block's own.
    fn finish<'o>(head: Head<'_>, sums: &[i64], constants: &[i64], out: &'o mut [i32]) -> &'o mut [i32];
}

/// [`Form::InLanes`] and [`Form::Multiply`].
pub(super) struct Common;

impl Finish for Common {
    #[inline(always)]
    fn finish<'o>(head: Head<'_>, sums: &[i64], constants: &[i64], out: &'o mut [i32]) -> &'o mut [i32] {
        match head.kind() {
            0x02 => in_lanes::<32, 2>(head, sums, out),
            0x03 => in_lanes::<21, 3>(head, sums, out),
            0x04 => in_lanes::<16, 4>(head, sums, out),
            0x12 => multiply::<32, 2, 4>(head, sums, constants, out),
            0x13 => multiply::<21, 3, 6>(head, sums, constants, out),
            0x14 => multiply::<16, 4, 8>(head, sums, constants, out),
            _ => multiply::<64, 1, 2>(head, sums, constants, out),
        }
    }
}

/// [`Form::HalfEven`] and [`Form::Plain`].
pub(super) struct Rare;

impl Finish for Rare {
    #[inline(always)]
    fn finish<'o>(head: Head<'_>, sums: &[i64], constants: &[i64], out: &'o mut [i32]) -> &'o mut [i32] {
        if head.kind() >> 4 == 2 {
            half_even(head, sums, constants, out)
        } else {
            plain(head, sums, constants, out)
        }
    }
}

/// ReLU, shift and saturation of all `N` lanes of `L` bits of a word at once.
#[inline(never)]
fn in_lanes<'o, const L: u32, const N: usize>(head: Head<'_>, sums: &[i64], mut out: &'o mut [i32]) -> &'o mut [i32] {
    let (shift, lo, [low, room, span]) = (u32::from(head.shift()), head.output().lo, head.in_lanes());
    let mut ones = 0u64;
    for _ in 0..N {
        ones = ones.wrapping_shl(L) | 1;
    }
    let tops = ones.wrapping_shl(L.wrapping_sub(1));
    let whole = |bits: u64| bits.wrapping_shl(L).wrapping_sub(bits); // a lane of ones where there is a one
    for &sum in sums {
        let word = sum as u64;
        // The top bit of a lane tells that the sum is not below the smallest output.
        let above = whole(word.wrapping_shr(L.wrapping_sub(1)) & ones);
        let shifted = (word & !tops & above).wrapping_shr(shift) & low;
        let over = whole((shifted.wrapping_add(room) & tops).wrapping_shr(L.wrapping_sub(1)));
        let mut lanes = LaneIter::<L>((shifted & !over) | (span & over));
        let mut values = [0; N];
        for value in &mut values {
            *value = (lanes.take() as i32).wrapping_add(lo);
        }
        out = emit(out, values);
    }
    out
}

/// One row after the other, with one multiply of 64 bits each; a word's `N` rows of `L` bits have `C` constants.
#[inline(never)]
fn multiply<'o, const L: u32, const N: usize, const C: usize>(
    head: Head<'_>,
    sums: &[i64],
    mut constants: &[i64],
    mut out: &'o mut [i32],
) -> &'o mut [i32] {
    let Output { lo, hi, .. } = head.output();
    for &sum in sums {
        let Some((rows, behind)) = constants.split_first_chunk::<C>() else { return out };
        constants = behind;
        let (mut lanes, mut rows) = (LaneIter::<L>(sum as u64), rows.iter());
        let mut values = [0; N];
        for value in &mut values {
            let (Some(&factor), Some(&constant)) = (rows.next(), rows.next()) else { return out };
            let scaled = lanes.take().wrapping_mul(i64::from(factor as u32)).wrapping_add(constant);
            let shifted = scaled.wrapping_shr(factor.wrapping_shr(32) as u32);
            *value = shifted.max(i64::from(lo)).min(i64::from(hi)) as i32;
        }
        out = emit(out, values);
    }
    out
}

/// As [`multiply`], with ties to even.
#[inline(always)] // for the stack's sake
fn half_even<'o>(head: Head<'_>, sums: &[i64], constants: &[i64], out: &'o mut [i32]) -> &'o mut [i32] {
    let Output { zero_point, lo, hi, .. } = head.output();
    row_by_row(head.lanes(), sums, chunks(constants, 3), out, |lane, constants| {
        let &[factor, unbias, half] = constants else { return 0 };
        let shift = factor.wrapping_shr(32) as u32;
        let product = lane.wrapping_mul(i64::from(factor as u32)).wrapping_add(unbias);
        let odd = product.wrapping_shr(shift) & i64::from(shift != 0);
        let scaled = product.wrapping_add(half).wrapping_add(odd).wrapping_shr(shift);
        scaled.wrapping_add(i64::from(zero_point)).max(i64::from(lo)).min(i64::from(hi)) as i32
    })
}

/// By the definition: what is too wide for the other forms, and TensorFlow Lite's double rounding.
#[inline(always)] // for the stack's sake
fn plain<'o>(head: Head<'_>, sums: &[i64], constants: &[i64], out: &'o mut [i32]) -> &'o mut [i32] {
    row_by_row(head.lanes(), sums, chunks(constants, 2), out, |lane, constants| {
        let &[factor, unbias] = constants else { return 0 };
        let factor = Factor { multiplier: factor as i32, shift: factor.wrapping_shr(32) as u8 };
        requantize(lane.wrapping_add(unbias), factor, head.output())
    })
}

/// Writes `each` lane with its row's constants; what of `out` is behind them.
#[inline(always)]
fn row_by_row<'c, 'o>(
    lanes: u8,
    sums: &[i64],
    mut constants: impl Iterator<Item = &'c [i64]>,
    mut out: &'o mut [i32],
    each: impl Fn(i64, &[i64]) -> i32,
) -> &'o mut [i32] {
    let bits = Lanes::from_number(lanes).bits();
    for &sum in sums {
        let mut word = sum as u64;
        for _ in 0..lanes {
            let Some(constants) = constants.next() else { return out };
            let lane = if bits == 64 { word } else { word & 1u64.wrapping_shl(bits).wrapping_sub(1) };
            out = emit(out, [each(lane as i64, constants)]);
            word = word.wrapping_shr(bits);
        }
    }
    out
}

/// The lanes of a word, lowest first.
struct LaneIter<const L: u32>(u64);

impl<const L: u32> LaneIter<L> {
    #[inline]
    fn take(&mut self) -> i64 {
        let mask = if L < 64 { 1u64.wrapping_shl(L).wrapping_sub(1) } else { u64::MAX };
        let lane = self.0 & mask;
        self.0 = self.0.wrapping_shr(L);
        lane as i64
    }
}

/// Writes values to the front of `out`, as far as it goes; what is behind them.
#[inline]
fn emit<const N: usize>(out: &mut [i32], values: [i32; N]) -> &mut [i32] {
    if out.len() < N {
        for (to, value) in out.iter_mut().zip(values) {
            *to = value;
        }
        return &mut [];
    }
    match out.split_first_chunk_mut::<N>() {
        Some((to, behind)) => {
            *to = values;
            behind
        }
        None => &mut [],
    }
}

/// `(zero_point − lo) · 2^shift`.
fn lowest_to_zero(shift: u8, output: Output) -> i64 {
    i64::from(output.zero_point).wrapping_sub(i64::from(output.lo)).wrapping_shl(u32::from(shift))
}

/// Whether a sum, brought to zero at the smallest output, is inside a lane, and the largest output too.
fn fits_lane(acc: Interval, shift: u8, lanes: Lanes, output: Output) -> bool {
    let bits = lanes.bits();
    let by = i128::from(output.zero_point).wrapping_sub(i128::from(output.lo)).wrapping_shl(u32::from(shift));
    let half = 1i128.wrapping_shl(bits.wrapping_sub(1));
    let inside = |end: i64| {
        let value = i128::from(end).wrapping_add(by);
        value >= half.wrapping_neg() && value < half
    };
    let span = i128::from(output.hi).wrapping_sub(i128::from(output.lo));
    u32::from(shift) < bits && inside(acc.lo) && inside(acc.hi) && span < half
}

/// Whether `acc · multiplier`, rounded and moved by the zero point, fits 64 bits on the way.
fn fits_word(acc: Interval, factor: Factor, output: Output) -> bool {
    if factor.shift > 62 {
        return false;
    }
    let by = i128::from(output.zero_point).wrapping_shl(u32::from(factor.shift));
    let half = 1i128.wrapping_shl(u32::from(factor.shift));
    [acc.lo, acc.hi].iter().all(|&end| {
        let product = i128::from(end).wrapping_mul(i128::from(factor.multiplier));
        let fits = |value: i128| i64::try_from(value).is_ok();
        [0, half]
            .iter()
            .all(|&more| fits(product.wrapping_add(more)) && fits(product.wrapping_add(more).wrapping_add(by)))
    })
}

/// Whether `acc · multiplier` can lie half way between two multiples of `2^shift`. It then has `shift − 1` factors of two,
/// of which the multiplier brings some, and a sum of this size no more than it has bits.
fn ties(acc: Interval, factor: Factor) -> bool {
    let needed = u32::from(factor.shift).saturating_sub(1).saturating_sub(factor.multiplier.trailing_zeros());
    factor.shift > 0 && acc.bits().saturating_sub(1) >= needed
}
