//! Decision trees as perfect trees, eight going down together without a branch: the same time whatever the inputs.
//!
//! In packed memory: what all trees share, a base a class, then runs. A run is a head and groups of one [`groups::Kind`],
//! and the head says how many; a group is the features of its trees (a byte a node), the thresholds (16 bits a node), the
//! leaves. Where leaves are numbers of rows, a run is one group, the rows lie behind it, and the head says in how many
//! words. Trees that are a single leaf are part of the bases. Deeper trees are left to the plain backend.

mod descent;
mod fill;
mod groups;

use super::super::{Io, Need};
use crate::cast::{i16s_mut, i32s, i32s_mut};
use crate::format::{Tree, Trees};
use crate::iter::{chunks, numbered};
use crate::ops::trees::MISSING;
use crate::verify::Node;
use descent::{descend, element, Inputs, TOGETHER};
use fill::{fill, put, MOST_INPUTS};
use groups::{groups, Form, Kind, MAX_DEPTH};

/// Inputs and form, classes.
const HEADER_WORDS: usize = 1;

pub(super) fn need(node: &Node<'_>, trees: &Trees) -> Option<Need> {
    let (data, classes) = (node.model.data(), node.outputs());
    if inputs(node, trees) > MOST_INPUTS || trees.iter(data, classes).any(|tree| tree.depth() > MAX_DEPTH) {
        return None;
    }
    let form = Form::of(trees, data, classes);
    let (mut words, mut cycles) =
        (HEADER_WORDS.saturating_add(classes.div_ceil(2)), inputs(node, trees).saturating_mul(2));
    let mut last = None;
    for group in groups(grown(trees, data, classes)) {
        let rows = rows_words(form, group.file_leaves(), classes);
        words = words.saturating_add(group.kind.words(form)).saturating_add(rows);
        if form == Form::Row || last != Some(group.kind) {
            words = words.saturating_add(1);
            cycles = cycles.saturating_add(20);
        }
        last = Some(group.kind);
        // A step of eight trees waits for three loads in a row, which is as long as its forty-odd instructions take.
        let steps = (group.kind.depth as usize).saturating_mul(14);
        let adds = TOGETHER.saturating_mul(trees.row(classes));
        cycles = cycles.saturating_add(steps).saturating_add(adds).saturating_add(8);
    }
    Some(Need { cycles: cycles as u32, words: words as u32, workspace: MOST_INPUTS as u32, ..Need::default() })
}

pub(super) fn pack(node: &Node<'_>, trees: &Trees, memory: &mut [i64]) {
    let (data, classes, own) = (node.model.data(), node.outputs(), node.inputs());
    let form = Form::of(trees, data, classes);
    memory.fill(0);
    let Some(([header], rest)) = memory.split_first_chunk_mut::<HEADER_WORDS>() else { return };
    *header = crate::cast::pair(form as i32, i32::from(trees.missing));
    let (bases, mut rest) = rest.split_at_mut_checked(classes.div_ceil(2)).unwrap_or_default();
    pack_bases(trees, data, form, i32s_mut(bases).get_mut(..classes).unwrap_or_default());

    let mut run: Option<(Kind, &mut i64)> = None;
    for group in groups(grown(trees, data, classes)) {
        let kind = group.kind;
        let rows = rows_words(form, group.file_leaves(), classes);
        match &mut run {
            Some((of, head)) if *of == kind && form != Form::Row => **head = head.wrapping_add(1 << 32),
            _ => {
                let Some((head, behind)) = core::mem::take(&mut rest).split_first_mut() else { return };
                let count = if form == Form::Row { rows } else { 1 };
                *head = i64::from(kind.depth) | i64::from(kind.class) << 16 | (count as i64) << 32;
                run = Some((kind, head));
                rest = behind;
            }
        }
        let words = kind.words(form).saturating_add(rows);
        let (here, behind) = core::mem::take(&mut rest).split_at_mut_checked(words).unwrap_or_default();
        pack_group(group.trees(), kind, form, own, classes, here);
        rest = behind;
    }
}

/// The scores before any tree, with the trees that are a single leaf and, in narrow form, each tree's smallest value.
fn pack_bases(trees: &Trees, data: &[u8], form: Form, scores: &mut [i32]) {
    let classes = scores.len();
    for (score, base) in scores.iter_mut().zip(trees.bases(data, classes)) {
        *score = base;
    }
    for tree in trees.iter(data, classes) {
        let scores = scores.get_mut(usize::from(tree.class)..).unwrap_or_default();
        let add = |(score, value): (&mut i32, i32)| *score = score.wrapping_add(value);
        if tree.nodes() == 0 {
            scores.iter_mut().zip(tree.leaf(0)).for_each(add);
        } else if form == Form::Narrow {
            scores.iter_mut().zip(tree.values().min()).for_each(add);
        }
    }
}

fn pack_group<'a>(
    trees: impl Iterator<Item = Tree<'a>>,
    kind: Kind,
    form: Form,
    inputs: usize,
    classes: usize,
    memory: &mut [i64],
) {
    let (nodes, size) = (kind.leaves(), 1usize.wrapping_shl(kind.depth));
    let (features, rest) = memory.split_at_mut_checked(nodes.div_ceil(8)).unwrap_or_default();
    let (thresholds, rest) = rest.split_at_mut_checked(nodes.div_ceil(4)).unwrap_or_default();
    let (leaves, rows) = rest.split_at_mut_checked(form.words(nodes)).unwrap_or_default();
    let features: &mut [u8] = bytemuck::try_cast_slice_mut(features).unwrap_or_default();
    let (thresholds, rows) = (i16s_mut(thresholds), i32s_mut(rows));
    // The first row is zero, for trees that are not there.
    let mut row = 1u32;
    for (number, tree) in numbered(trees) {
        let number = number as usize;
        let first = number.wrapping_mul(size);
        let least = tree.values().min().unwrap_or(0);
        fill(&tree, number, kind.depth, inputs, (features, thresholds), |place, leaf| {
            let place = first.wrapping_add(place);
            let value = || tree.leaf(leaf).next().unwrap_or(0);
            match form {
                Form::Narrow => put(i16s_mut(leaves), place, value().wrapping_sub(least) as i16),
                Form::Wide => put(i32s_mut(leaves), place, value()),
                Form::Two => {
                    let mut both = tree.leaf(leaf);
                    put(i32s_mut(leaves), place.wrapping_mul(2), both.next().unwrap_or(0));
                    put(i32s_mut(leaves), place.wrapping_mul(2).wrapping_add(1), both.next().unwrap_or(0));
                }
                Form::Row => put(i16s_mut(leaves), place, row.wrapping_add(leaf) as i16),
            }
        });
        if form == Form::Row {
            let to = rows.get_mut((row as usize).saturating_mul(classes)..).unwrap_or_default();
            to.iter_mut().zip(tree.values()).for_each(|(to, value)| *to = value);
        }
        row = row.saturating_add(tree.leaves());
    }
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    let Some((&[header], rest)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let (form, missing) = crate::cast::halves(header);
    let Some((bases, rest)) = rest.split_at_checked(io.output.len().div_ceil(2)) else { return };
    for (score, &base) in io.output.iter_mut().zip(i32s(bases)) {
        *score = base;
    }
    for (to, &value) in io.workspace.iter_mut().zip(io.input) {
        *to = i64::from(value);
    }
    if missing != 0 {
        let behind = io.workspace.get_mut(io.input.len()..).unwrap_or_default();
        for (to, &value) in behind.iter_mut().zip(io.input) {
            let above = if value == MISSING { i32::from(i16::MAX) } else { value.wrapping_sub(1) };
            *to = i64::from(above);
        }
    }
    if let Some(inputs) = io.workspace.first_chunk() {
        runs(inputs, Form::from_code(form as u8), rest, io.output);
    }
}

/// Every run, each by the way down for its depth.
#[inline]
fn runs(inputs: &Inputs, form: Form, mut memory: &[i64], scores: &mut [i32]) {
    while let Some((&head, rest)) = memory.split_first() {
        let [depth, _, low, high, ..] = head.to_le_bytes();
        let kind = Kind { depth: u32::from(depth), class: u16::from_le_bytes([low, high]) };
        let count = (head >> 32) as usize;
        let scores = scores.get_mut(usize::from(kind.class)..).unwrap_or_default();
        let words = match form {
            Form::Row => kind.words(form).saturating_add(count),
            _ => kind.words(form).saturating_mul(count),
        };
        let Some((_, behind)) = rest.split_at_checked(words) else { return };
        let run = memory.get(..words.saturating_add(1)).unwrap_or(&[]);
        match depth {
            1 => run_groups::<16>(inputs, form, run, scores),
            2 => run_groups::<32>(inputs, form, run, scores),
            3 => run_groups::<64>(inputs, form, run, scores),
            4 => run_groups::<128>(inputs, form, run, scores),
            5 => run_groups::<256>(inputs, form, run, scores),
            6 => run_groups::<512>(inputs, form, run, scores),
            7 => run_groups::<1024>(inputs, form, run, scores),
            _ => run_groups::<2048>(inputs, form, run, scores),
        }
        memory = behind;
    }
}

/// A run: its head, and groups of eight trees with `M` leaves in all. A function for each `M`, so that registers are its
/// own. The depth is read from the head, for a loop of constant length would be unrolled into ten times the code.
#[inline(never)]
fn run_groups<const M: usize>(inputs: &Inputs, form: Form, run: &[i64], scores: &mut [i32]) {
    let Some((&head, memory)) = run.split_first() else { return };
    let [depth, ..] = head.to_le_bytes();
    let (mut first, mut second) = (0i32, 0i32);
    let size = if form == Form::Row { memory.len() } else { groups::words(M, form) };
    for group in chunks(memory, size) {
        let Some((features, rest)) = group.split_at_checked(M.div_ceil(8)) else { return };
        let Some((thresholds, leaves)) = rest.split_at_checked(M.div_ceil(4)) else { return };
        let (Some(features), Some(thresholds)) = (array::<u8, M>(features), array::<i16, M>(thresholds)) else {
            return;
        };
        let reached = descend(inputs, features, thresholds, depth);
        match form {
            Form::Narrow => {
                let Some(leaves) = array::<u16, M>(leaves) else { return };
                for at in reached {
                    first = first.wrapping_add(i32::from(element(leaves, at)));
                }
            }
            Form::Wide => {
                let Some(leaves) = array::<i32, M>(leaves) else { return };
                for at in reached {
                    first = first.wrapping_add(element(leaves, at));
                }
            }
            Form::Two => {
                let Some(leaves) = array::<[i32; 2], M>(leaves) else { return };
                for at in reached {
                    let [a, b] = element(leaves, at);
                    (first, second) = (first.wrapping_add(a), second.wrapping_add(b));
                }
            }
            Form::Row => {
                let Some((leaves, rows)) = leaves.split_at_checked(form.words(M)) else { return };
                let Some(leaves) = array::<u16, M>(leaves) else { return };
                for at in reached {
                    let row = usize::from(element(leaves, at)).wrapping_mul(scores.len());
                    for (score, &value) in scores.iter_mut().zip(i32s(rows).get(row..).unwrap_or(&[])) {
                        *score = score.wrapping_add(value);
                    }
                }
                return;
            }
        }
    }
    for (score, sum) in scores.iter_mut().zip([first, second]) {
        *score = score.wrapping_add(sum);
    }
}

/// Words as `M` elements.
#[inline]
fn array<T: bytemuck::Pod, const M: usize>(words: &[i64]) -> Option<&[T; M]> {
    bytemuck::try_cast_slice::<i64, [T; M]>(words).ok()?.first()
}

/// The trees that are more than a leaf.
fn grown<'a>(trees: &Trees, data: &'a [u8], classes: usize) -> impl Iterator<Item = Tree<'a>> + Clone + use<'a> {
    trees.iter(data, classes).filter(|tree| tree.nodes() > 0)
}

/// Inputs that nodes can look at: once more, with missing values on the other side.
fn inputs(node: &Node<'_>, trees: &Trees) -> usize {
    node.inputs().wrapping_shl(u32::from(trees.missing))
}

/// Words of a group's rows of values, of trees with so many leaves in the file.
const fn rows_words(form: Form, leaves: usize, classes: usize) -> usize {
    match form {
        Form::Row => leaves.saturating_add(1).saturating_mul(classes).div_ceil(2),
        _ => 0,
    }
}
