//! Decision trees as perfect trees, eight going down together without a branch: the same time whatever the inputs.
//!
//! In packed memory: what all trees share, a base a class (a word each: a loop over less is made a call of `memcpy`), then runs. A run is a head and groups of one [`groups::Kind`],
//! and the head says how many; a group is the features of its trees (a byte a node), the thresholds (16 bits a node), the
//! leaves. Where leaves are numbers of rows, a run is one group, the rows lie behind it, and the head says in how many
//! words. Trees that are a single leaf are part of the bases. Behind the last run are zeros: see [`Kind::spare`]. Deeper
//! trees are left to the plain backend.

mod descent;
mod fill;
mod groups;

use super::super::Need;
use crate::cast::{halves, i16s_mut, i32s, i32s_mut, pair};
use crate::format::{Tree, Trees};
use crate::ops::additive::add;
use crate::ops::trees::MISSING;
use crate::verify::Node;
use descent::{unsigned, Heap, Inputs, TOGETHER};
use fill::{fill, put, MOST_INPUTS};
use groups::{words, Form, Group, Groups, Kind, MAX_DEPTH};

/// Form, and whether values can be missing.
const HEADER_WORDS: usize = 1;
/// Words of workspace that hold the inputs.
const INPUTS_WORDS: usize = size_of::<Inputs>() / size_of::<i64>();

#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn need(node: &Node<'_>, trees: &Trees) -> Option<Need> {
    let (data, classes) = (node.model.data(), node.outputs());
    if inputs(node, trees) > MOST_INPUTS {
        return None;
    }
    for tree in trees.iter(data, classes) {
        if tree.depth() > MAX_DEPTH {
            return None;
        }
    }
    let form = Form::of(trees, data, classes);
    let (mut words, mut cycles) = (HEADER_WORDS.wrapping_add(classes), inputs(node, trees).wrapping_mul(2));
    let mut last = None;
    for group in Groups::new(trees.iter(data, classes)) {
        let rows = rows_words(form, group.file_leaves, classes);
        words = words.wrapping_add(group.kind.words(form)).wrapping_add(rows);
        if form == Form::Row || last != Some(group.kind) {
            words = words.wrapping_add(1);
            cycles = cycles.wrapping_add(20);
        }
        last = Some(group.kind);
        // A step of eight trees waits for three loads in a row, which is as long as its forty-odd instructions take.
        let steps = (group.kind.depth as usize).wrapping_mul(14);
        let adds = TOGETHER.wrapping_mul(trees.row(classes));
        cycles = cycles.wrapping_add(steps).wrapping_add(adds).wrapping_add(8);
    }
    words = words.wrapping_add(last.map_or(0, Kind::spare));
    Some(Need { cycles: cycles as u32, words: words as u32, workspace: INPUTS_WORDS as u32, ..Need::default() })
}

#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn pack(node: &Node<'_>, trees: &Trees, memory: &mut [i64]) {
    let (data, classes, own) = (node.model.data(), node.outputs(), node.inputs());
    let form = Form::of(trees, data, classes);
    memory.fill(0);
    let Some(([header], rest)) = memory.split_first_chunk_mut::<HEADER_WORDS>() else { return };
    *header = pair(form as i32, i32::from(trees.missing));
    let (bases, mut rest) = rest.split_at_mut_checked(classes).unwrap_or_default();
    pack_bases(trees, data, form, bases);

    let mut run: Option<(Kind, &mut i64)> = None;
    for group in Groups::new(trees.iter(data, classes)) {
        let kind = group.kind;
        let rows = rows_words(form, group.file_leaves, classes);
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
        let words = kind.words(form).wrapping_add(rows);
        let (here, behind) = core::mem::take(&mut rest).split_at_mut_checked(words).unwrap_or_default();
        pack_group(&group, form, own, classes, here);
        rest = behind;
    }
}

/// The scores before any tree, with the trees that are a single leaf and, in narrow form, each tree's smallest value.
fn pack_bases(trees: &Trees, data: &[u8], form: Form, scores: &mut [i64]) {
    let classes = scores.len();
    for (score, base) in scores.iter_mut().zip(trees.bases(data, classes)) {
        *score = i64::from(base);
    }
    for tree in trees.iter(data, classes) {
        let scores = scores.get_mut(usize::from(tree.class)..).unwrap_or_default();
        if tree.nodes() == 0 {
            for (score, value) in scores.iter_mut().zip(tree.values()) {
                *score = score.wrapping_add(i64::from(value));
            }
        } else if let (Form::Narrow, Some(score)) = (form, scores.first_mut()) {
            *score = score.wrapping_add(i64::from(least(&tree)));
        }
    }
}

/// The smallest value of a tree.
#[inline(never)]
fn least(tree: &Tree<'_>) -> i32 {
    let mut least = i32::MAX;
    for value in tree.values() {
        least = least.min(value);
    }
    least
}

#[cfg_attr(kinfer_module, optimize(size))]
fn pack_group(group: &Group<'_>, form: Form, inputs: usize, classes: usize, memory: &mut [i64]) {
    let (kind, mut trees) = (group.kind, group.trees());
    let (nodes, size) = (kind.leaves(), 1usize.wrapping_shl(kind.depth));
    let (features, rest) = memory.split_at_mut_checked(nodes.div_ceil(8)).unwrap_or_default();
    let (thresholds, rest) = rest.split_at_mut_checked(nodes.div_ceil(4)).unwrap_or_default();
    let (leaves, rows) = rest.split_at_mut_checked(form.words(nodes)).unwrap_or_default();
    let features: &mut [u8] = bytemuck::try_cast_slice_mut(features).unwrap_or_default();
    let (thresholds, rows) = (i16s_mut(thresholds), i32s_mut(rows));
    // The first row is zero, for trees that are not there.
    let mut row = 1u32;
    let mut number = 0usize;
    while let Some(tree) = &trees.next() {
        let first = number.wrapping_mul(size);
        let mut to = LeafWriter { tree, form, least: least(tree), row, first, leaves: &mut *leaves };
        fill(tree, number, kind.depth, inputs, (&mut *features, &mut *thresholds), &mut to);
        if form == Form::Row {
            tree.values().copy_to(rows.get_mut((row as usize).wrapping_mul(classes)..).unwrap_or_default());
        }
        row = row.wrapping_add(tree.leaves());
        number = number.wrapping_add(1);
    }
}

/// Writes the leaves of a tree into the room for those of its group.
struct LeafWriter<'t, 'm> {
    tree: &'t Tree<'m>,
    form: Form,
    /// What narrow values are less.
    least: i32,
    /// The row of its first leaf.
    row: u32,
    /// The place of its first leaf.
    first: usize,
    leaves: &'t mut [i64],
}

impl LeafWriter<'_, '_> {
    /// Puts leaf `leaf` of the file into place `place` of the tree.
    #[inline(never)]
    fn put(&mut self, place: usize, leaf: u32) {
        let place = self.first.wrapping_add(place);
        let mut values = self.tree.leaf(leaf);
        let first = values.next().unwrap_or(0);
        let short = match self.form {
            Form::Two => return put(self.leaves, place, pair(first, values.next().unwrap_or(0))),
            Form::Narrow => first.wrapping_sub(self.least) as i16,
            Form::Row => self.row.wrapping_add(leaf) as i16,
        };
        put(i16s_mut(self.leaves), place, short);
    }
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], input: &[i32], scores: &mut [i32], workspace: &mut [i64]) {
    let Some((&[header], rest)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let Some(words) = workspace.first_chunk_mut::<INPUTS_WORDS>() else { return };
    for (score, &base) in scores.iter_mut().zip(rest) {
        *score = base as i32;
    }
    put_inputs(input, words);
    let Ok(inputs) = bytemuck::try_cast_mut(words) else { return };
    if halves(header).1 != 0 {
        put_missing(input, inputs);
    }
    if let Some(runs) = rest.get(scores.len()..) {
        run_all(inputs, Form::from_code(header as u8), runs, scores);
    }
}

/// The inputs, four a word: the loop costs as much as a value.
#[inline(always)]
fn put_inputs(mut input: &[i32], words: &mut [i64; INPUTS_WORDS]) {
    let Ok(quads) = bytemuck::try_cast_mut::<_, [[u16; 4]; INPUTS_WORDS]>(words) else { return };
    for to in quads {
        let Some((four, behind)) = input.split_first_chunk() else {
            for (to, &value) in to.iter_mut().zip(input) {
                *to = unsigned(value);
            }
            return;
        };
        *to = four.map(unsigned);
        input = behind;
    }
}

/// What nodes that send missing values right look at.
#[inline(never)]
fn put_missing(input: &[i32], inputs: &mut Inputs) {
    for (to, &value) in inputs.get_mut(input.len()..).unwrap_or_default().iter_mut().zip(input) {
        *to = if value == MISSING { u16::MAX } else { unsigned(value.wrapping_sub(1)) };
    }
}

/// Every run.
#[inline(always)]
fn run_all(inputs: &Inputs, form: Form, mut memory: &[i64], scores: &mut [i32]) {
    while let Some((&head, groups)) = memory.split_first() {
        let [depth, _, low, high, ..] = head.to_le_bytes();
        let scores = scores.get_mut(usize::from(u16::from_le_bytes([low, high]))..).unwrap_or_default();
        let count = (head >> 32) as u32;
        if depth == 0 {
            return; // what is behind the last
        }
        memory = match form {
            Form::Narrow => narrow(inputs, groups, depth, count, scores),
            Form::Two => two(inputs, groups, depth, count, scores),
            Form::Row => row(inputs, groups, depth, count, scores),
        };
    }
}

/// A run of `count` groups in narrow form; what is behind it. A function for each form, so that registers are its own.
#[inline(never)]
fn narrow<'a>(inputs: &Inputs, mut memory: &'a [i64], depth: u8, count: u32, scores: &mut [i32]) -> &'a [i64] {
    let (leaves, mut sum) = (TOGETHER.wrapping_shl(u32::from(depth)), 0i32);
    for _ in 0..count {
        let Some(heap) = Heap::new(memory, leaves) else { return &[] };
        for at in heap.descend(inputs, depth) {
            sum = sum.wrapping_add(i32::from(heap.leaf(at)));
        }
        memory = memory.get(words(leaves, Form::Narrow)..).unwrap_or_default();
    }
    add(&[sum], scores);
    memory
}

/// A run of two values a leaf.
#[inline(never)]
fn two<'a>(inputs: &Inputs, mut memory: &'a [i64], depth: u8, count: u32, scores: &mut [i32]) -> &'a [i64] {
    let nodes = TOGETHER.wrapping_shl(u32::from(depth));
    let (mut first, mut second) = (0i32, 0i32);
    for _ in 0..count {
        let Some(heap) = Heap::new(memory, nodes) else { return &[] };
        let reached = heap.descend(inputs, depth);
        let values = memory.get(words(nodes, Form::Two).wrapping_sub(nodes)..).unwrap_or_default();
        for at in reached {
            let (a, b) = halves(values.get(at.wrapping_sub(nodes)).copied().unwrap_or(0));
            (first, second) = (first.wrapping_add(a), second.wrapping_add(b));
        }
        memory = memory.get(words(nodes, Form::Two)..).unwrap_or_default();
    }
    add(&[first, second], scores);
    memory
}

/// A run of numbers of rows, which lie behind them in `behind` words: one group.
#[inline(never)]
fn row<'a>(inputs: &Inputs, memory: &'a [i64], depth: u8, behind: u32, scores: &mut [i32]) -> &'a [i64] {
    let nodes = TOGETHER.wrapping_shl(u32::from(depth));
    let (_, rows) = memory.split_at_checked(words(nodes, Form::Row)).unwrap_or_default();
    let Some(heap) = Heap::new(memory, nodes) else { return &[] };
    let reached = heap.descend(inputs, depth).map(|at| heap.leaf(at));
    for row in reached {
        add(i32s(rows).get(usize::from(row).wrapping_mul(scores.len())..).unwrap_or_default(), scores);
    }
    rows.get(behind as usize..).unwrap_or_default()
}

/// Inputs that nodes can look at: once more, with missing values on the other side.
fn inputs(node: &Node<'_>, trees: &Trees) -> usize {
    node.inputs().wrapping_shl(u32::from(trees.missing))
}

/// Words of a group's rows of values, of trees with so many leaves in the file.
const fn rows_words(form: Form, leaves: usize, classes: usize) -> usize {
    match form {
        Form::Row => leaves.wrapping_add(1).wrapping_mul(classes).div_ceil(2),
        _ => 0,
    }
}
