//! Operators on the caller's state.

use kinfer_convert::kinf::operators::{RecallSpec, RememberSpec};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::{Wide, clamp};

pub(super) fn recall(recall: &RecallSpec, io: &Wide<'_>, state: &[i64]) -> (Vec<BigInt>, Vec<BigInt>) {
    let tensor = io.output_tensor();
    let elements = tensor.dims.iter().product::<u32>() as usize;
    let words = &state[recall.slot as usize..][..elements];
    let values: Vec<_> =
        words.iter().map(|&word| clamp(BigInt::from(word) + tensor.zero_point, recall.lo, recall.hi)).collect();
    (values.clone(), values)
}

pub(super) fn remember(remember: &RememberSpec, io: &Wide<'_>, state: &mut [i64]) -> (Vec<BigInt>, Vec<BigInt>) {
    let zero_point = io.input_tensor().zero_point;
    for (i, q) in io.input.iter().enumerate() {
        state[remember.slot as usize + i] = (q - zero_point).to_i64().unwrap();
    }
    (io.input.clone(), io.input.clone())
}
