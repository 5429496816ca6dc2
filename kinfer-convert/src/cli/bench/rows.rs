//! Random rows in the schema's ranges.

use std::hint::black_box;

use kinfer::Model;
use kinfer_convert::engine::Caller;

/// More than a processor's branch predictor remembers of most models.
const ROWS: usize = 1024;

/// Each counter uniform in its range in calibration; the same rows every time.
pub(super) fn random(model: &Model<'_>) -> Vec<Vec<i64>> {
    let ranges: Vec<_> = model.features().iter().map(|feature| (feature.lo, feature.hi)).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64* (Vigna 2016)
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let mut within = |lo: i64, hi: i64| {
        let size = u128::from(hi.abs_diff(lo)) + 1;
        let offset = (u128::from(next()) * size) >> 64;
        (i128::from(lo) + offset as i128) as i64
    };
    (0..ROWS).map(|_| ranges.iter().map(|&(lo, hi)| within(lo, hi)).collect()).collect()
}

/// Decides `count` rows, from the first on and over again.
pub(super) fn decide(caller: &mut Caller<'_>, rows: &[Vec<i64>], count: usize) {
    for row in rows.iter().cycle().take(count) {
        black_box(caller.decide(black_box(row)));
    }
}
