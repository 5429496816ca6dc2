//! Operators from element to element.

use kinfer_convert::kinf::ClipSpec;
use num_bigint::BigInt;

use super::{Wide, clamp};

pub(super) fn clip(clip: &ClipSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let outputs = io.input.iter().map(|q| clamp(q.clone(), clip.lo, clip.hi)).collect();
    (io.input.clone(), outputs)
}
