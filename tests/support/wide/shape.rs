//! Operators that move elements, by index.

use kinfer_convert::kinf::operators::{ConcatSpec, SliceSpec};
use num_bigint::BigInt;

use super::Wide;

pub(super) fn concat(concat: &ConcatSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let (first, second, rows) = (&io.input, io.second.as_ref().unwrap(), concat.rows as usize);
    let (a, b) = (first.len() / rows, second.len() / rows);
    let at = |i: usize| {
        let (row, column) = (i / (a + b), i % (a + b));
        if column < a { &first[row * a + column] } else { &second[row * b + column - a] }
    };
    same((0..first.len() + second.len()).map(|i| at(i).clone()).collect())
}

pub(super) fn slice(slice: &SliceSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let width = io.input.len() / slice.rows as usize;
    let taken = |row: usize, i: u32| row * width + (slice.start + i * slice.stride) as usize;
    let places = (0..slice.rows as usize).flat_map(|row| (0..slice.count).map(move |i| (row, i)));
    same(places.map(|(row, i)| io.input[taken(row, i)].clone()).collect())
}

pub(super) fn reshape(io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    same(io.input.clone())
}

fn same(values: Vec<BigInt>) -> (Vec<BigInt>, Vec<BigInt>) {
    (values.clone(), values)
}
