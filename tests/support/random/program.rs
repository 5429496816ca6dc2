//! Feature programs.

use kinfer::format::{ElementType, Rounding};
use kinfer_convert::kinf::{AffineSpec, StepSpec};

use super::Random;

/// Steps on `features` counters that make `elements` elements, with values between them.
pub(super) fn steps(random: &mut Random, features: u16, element: ElementType, elements: usize) -> Vec<StepSpec> {
    let (mut steps, mut values, mut state, mut left) = (Vec::new(), features, 0u32, elements);
    while left > 0 {
        // Now and then the value of the step before, whose ends are not those of 64 bits.
        let source = if random.below(3) == 0 { values - 1 } else { random.below(values.into()) as u16 };
        let second = random.below(values.into()) as u16;
        if random.below(3) == 0 && values < 60 {
            let (step, makes, words) = value(random, source, second, state);
            steps.push(step);
            (values, state) = (values + makes, state + words);
        } else {
            let (step, makes) = elements_of(random, source, element, left);
            steps.push(step);
            left -= makes;
        }
    }
    steps
}

/// A step that makes values; how many, and how many words of state it has.
fn value(random: &mut Random, source: u16, second: u16, state: u32) -> (StepSpec, u16, u32) {
    match random.below(6) {
        0 => {
            let (a, b) = (random.wild(), random.wild());
            (StepSpec::Clamp { source, lo: a.min(b), hi: a.max(b) }, 1, 0)
        }
        1 => (StepSpec::Log2 { source, one_plus: random.below(2) == 0 }, 1, 0),
        2 => (StepSpec::Difference { source, second }, 1, 0),
        3 => (StepSpec::Ratio { source, second, shift: random.below(33) as u8 }, 1, 0),
        4 => {
            let shift = random.below(31) as u8;
            let (alpha, fraction) = (random.between(1, 1 << shift) as u32, random.below(33) as u8);
            (StepSpec::Ewma { source, alpha, shift, fraction, state }, 1, 2)
        }
        _ => {
            let count = 1 + random.below(4) as u16;
            (StepSpec::History { source, count, state }, count, count.into())
        }
    }
}

/// A step that makes at most `left` elements of tensor 0, and how many.
fn elements_of(random: &mut Random, source: u16, element: ElementType, left: usize) -> (StepSpec, usize) {
    let (lo, hi) = random.bounds(element);
    let (min, max) = element.range();
    let many = |random: &mut Random, most: usize| 1 + random.below(left.min(most) as u64) as u16;
    match random.below(7) {
        0 => (StepSpec::Copy { source, lo, hi }, 1),
        1 => {
            let mut thresholds: Vec<i64> = (0..=random.below(40)).map(|_| random.wild()).collect();
            thresholds.sort_unstable();
            (StepSpec::Bucketise { source, thresholds, base: random.between(min.into(), 80) as i32 }, 1)
        }
        2 => {
            let (count, first) = (many(random, 5), random.wild());
            (StepSpec::OneHot { source, count, first, off: lo, on: hi }, count.into())
        }
        3 => {
            let (count, base) = (many(random, 18), random.between(min.into(), i64::from(max) - 9) as i32);
            (StepSpec::Digits { source, count, base }, count.into())
        }
        _ => {
            let rounding = random.pick(&[Rounding::HalfEven, Rounding::TfliteSingle, Rounding::Shift]);
            let (multiplier, bias, shift) = match random.below(3) {
                // Ties, few of them saturated.
                0 => (random.between(-9, 9), random.between(-50, 50).into(), random.below(6) as u8),
                1 => (random.wild() / 4, i128::from(random.wild()) << random.below(62), random.below(97) as u8),
                _ => (random.between(-(1 << 40), 1 << 40), random.wild().into(), 20 + random.below(70) as u8),
            };
            (StepSpec::Affine(AffineSpec { source, multiplier, bias, shift, rounding, lo, hi }), 1)
        }
    }
}
