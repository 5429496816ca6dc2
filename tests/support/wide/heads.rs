//! Heads, by sorting.

use std::cmp::Reverse;

use fixed::types::I32F32;
use kinfer::format::HeadKind;
use kinfer_convert::kinf::TensorSpec;
use num_bigint::BigInt;
use num_traits::Signed;

use super::{real, saturate_i64};

/// Class, bits of value and margin, whether it is an anomaly.
pub(super) fn decide(kind: HeadKind, tensor: &TensorSpec, scores: &[BigInt]) -> (u32, i64, i64, bool) {
    let value_of = |class: usize| real(tensor, &(&scores[class] - tensor.zero_point));
    let gap = |a: usize, b: usize| real(tensor, &(&scores[a] - &scores[b]).abs());
    let beyond = |threshold: I32F32| {
        let distance = (BigInt::from(value_of(0)) - threshold.to_bits()).abs();
        (u32::from(value_of(0) > threshold.to_bits()), value_of(0), saturate_i64(distance))
    };
    let order = order(kind, scores);
    let ranked = |k: usize| (order[0] as u32, value_of(order[0]), gap(order[k - 1], order[k]), false);
    match kind {
        HeadKind::ArgMax | HeadKind::ArgMin => ranked(1),
        HeadKind::TopK(k) => ranked(k as usize),
        HeadKind::Value => (0, value_of(0), 0, false),
        HeadKind::Threshold(threshold) => {
            let (class, value, margin) = beyond(threshold);
            (class, value, margin, false)
        }
        HeadKind::Anomaly(threshold) => {
            let (class, value, margin) = beyond(threshold);
            (class, value, margin, class == 1)
        }
    }
}

/// Classes and bits of their values in the order of a ranking head.
pub(super) fn top(kind: HeadKind, tensor: &TensorSpec, scores: &[BigInt]) -> Vec<(u32, i64)> {
    let count = match kind {
        HeadKind::ArgMax | HeadKind::ArgMin => 1,
        HeadKind::TopK(k) => k as usize,
        _ => 0,
    };
    let value = |class: usize| real(tensor, &(&scores[class] - tensor.zero_point));
    order(kind, scores).into_iter().take(count).map(|class| (class as u32, value(class))).collect()
}

/// Best first; the sort is stable, so that ties are in the order of their index.
fn order(kind: HeadKind, scores: &[BigInt]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    match kind {
        HeadKind::ArgMin => order.sort_by_key(|&class| scores[class].clone()),
        _ => order.sort_by_key(|&class| Reverse(scores[class].clone())),
    }
    order
}
