//! The way through a chain.

use super::super::block::MAX_WORDS;
use super::{Head, HEAD_WORDS, ROOM};
use crate::cast::arrays;
use crate::iter::numbered;
use crate::ops::table::{wrapped_index, DIRECT_ENTRIES};

/// Words of a table's entries.
const TABLE_WORDS: usize = DIRECT_ENTRIES / 8;

/// Runs as many layers as `room` has place for, from `input`: each writes its values before those that it reads, and the
/// last to the front.
#[inline(always)]
pub(crate) fn run(mut memory: &[i64], input: &[i32], mut room: &mut [i32]) {
    let (mut values, mut sums) = (input, [0i64; MAX_WORDS]);
    while let Some((rest, to)) = core::mem::take(&mut room).split_last_chunk_mut::<ROOM>() {
        room = rest;
        let Some((head, behind)) = memory.split_first_chunk::<HEAD_WORDS>() else { return };
        let Some(head) = Head::new(head) else { return };
        let behind = match head.words() {
            1 => sum::<1>(behind, head, values, &mut sums),
            2 => sum::<2>(behind, head, values, &mut sums),
            3 => sum::<3>(behind, head, values, &mut sums),
            4 => sum::<4>(behind, head, values, &mut sums),
            5 => sum::<5>(behind, head, values, &mut sums),
            _ => sum::<6>(behind, head, values, &mut sums),
        };
        memory = match (head.lanes(), head.has_table()) {
            (4, false) => finish::<16, 4, 8, { ROOM / 4 }, false>(&sums, head, behind, to),
            (3, false) => finish::<21, 3, 6, { ROOM / 3 }, false>(&sums, head, behind, to),
            (2, _) => finish::<32, 2, 4, { ROOM / 2 }, false>(&sums, head, behind, to),
            (4, true) => finish::<16, 4, 8, { ROOM / 4 }, true>(&sums, head, behind, to),
            (3, true) => finish::<21, 3, 6, { ROOM / 3 }, true>(&sums, head, behind, to),
            _ => finish::<64, 1, 2, ROOM, false>(&sums, head, behind, to),
        };
        values = to;
    }
}

/// The sums of a block of `W` words; what lies behind its weights.
#[inline(always)]
fn sum<'a, const W: usize>(
    memory: &'a [i64],
    head: Head<'_>,
    values: &[i32],
    sums: &mut [i64; MAX_WORDS],
) -> &'a [i64] {
    let Some((biases, rest)) = memory.split_first_chunk::<W>() else { return &[] };
    let inputs = head.inputs();
    let Some((weights, rest)) = rest.split_at_checked(inputs.wrapping_mul(W)) else { return &[] };
    let Some(values) = values.get(..inputs) else { return &[] };
    let mut totals = *biases;
    let columns: &[[i64; W]] = arrays(weights);
    for (column, &value) in columns.iter().zip(values) {
        for (total, word) in totals.iter_mut().zip(column) {
            *total = total.wrapping_add(word.wrapping_mul(i64::from(value)));
        }
    }
    if let Some(to) = sums.first_chunk_mut::<W>() {
        *to = totals;
    }
    rest
}

/// The sums of words of `N` lanes of `L` bits to values, looked up in a table where there is one; each word has `C`
/// constants. What lies behind those, and behind the table.
#[inline(always)]
fn finish<'a, const L: u32, const N: usize, const C: usize, const M: usize, const TABLE: bool>(
    sums: &[i64; MAX_WORDS],
    head: Head<'_>,
    memory: &'a [i64],
    to: &mut [i32; ROOM],
) -> &'a [i64] {
    let ((lo, hi), shift) = (head.clamp(), head.shift());
    let constants = usize::from(head.words()).wrapping_mul(C);
    let Some((constants, mut behind)) = memory.split_at_checked(constants) else { return &[] };
    let mut table = &[0i8; DIRECT_ENTRIES];
    if TABLE {
        let Some((entries, after)) = behind.split_first_chunk::<TABLE_WORDS>() else { return &[] };
        let Ok(entries) = bytemuck::try_cast_ref(entries) else { return &[] };
        (table, behind) = (entries, after);
    }
    let mask = if L < 64 { 1u64.wrapping_shl(L).wrapping_sub(1) } else { u64::MAX };
    let Ok(to) = bytemuck::try_cast_mut::<[i32; ROOM], [[i32; N]; M]>(to) else { return &[] };
    let constants: &[[i64; C]] = arrays(constants);
    let one = |lane: u64, multiplier: i64, constant: i64| {
        let scaled = (lane as i64).wrapping_mul(multiplier).wrapping_add(constant);
        let value = scaled.wrapping_shr(shift).max(lo).min(hi) as i32;
        match TABLE {
            true => table.get(usize::from(wrapped_index(value))).map_or(0, |&entry| i32::from(entry)),
            false => value,
        }
    };
    let mut words = to.iter_mut().zip(sums).zip(constants);
    for ((to, &sum), rows) in words.by_ref().take(head.full_words()) {
        let (mut word, mut rows) = (sum as u64, rows.iter());
        for (number, value) in numbered(to) {
            let (Some(&multiplier), Some(&constant)) = (rows.next(), rows.next()) else { return &[] };
            // Above the last lane there is nothing.
            *value = one(if number as usize == N.wrapping_sub(1) { word } else { word & mask }, multiplier, constant);
            word = word.wrapping_shr(L);
        }
    }
    if let Some(((to, &sum), rows)) = words.next() {
        let (mut word, mut rows) = (sum as u64, rows.iter());
        for value in to.iter_mut().take(head.rows_behind()) {
            let (Some(&multiplier), Some(&constant)) = (rows.next(), rows.next()) else { return &[] };
            *value = one(word & mask, multiplier, constant);
            word = word.wrapping_shr(L);
        }
    }
    behind
}
