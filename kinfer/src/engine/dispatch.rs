//! From a record of the plan to the code that runs it.
//!
//! Every operator has an entry of its own with the same six or seven words of arguments, and finds its operands there: what
//! lies on the stack for one operator does not lie under another, and a decision stays in its 512 bytes.

use super::layout::{Layer, Path, LAYER_WORDS};
use super::span::Span;
use crate::backend::{packed, reference, Io};
use crate::cast::i64s_mut;
use crate::format::OperatorKind;

type Record = [i64; LAYER_WORDS];

macro_rules! entries {
    ($($entry:ident: $run:path;)+) => {$(
        #[inline(never)]
        fn $entry(record: &Record, memory: &[i64], scratch: &mut [i32], state: &mut [i64]) {
            if let Some((parameters, io)) = operands(record, memory, scratch, state) {
                $run(parameters, io);
            }
        }
    )+};
}

entries! {
    dense: reference::dense::run;
    clip: reference::elementwise::clip_run;
    conv: reference::conv::run;
    pool: reference::pool::run;
    rescale: reference::elementwise::rescale_run;
    table: reference::table::run;
    softmax: reference::softmax::run;
    add: reference::elementwise::add_run;
    mul: reference::elementwise::mul_run;
    concat: reference::shape::concat_run;
    slice: reference::shape::slice_run;
    trees: reference::trees::run;
    additive: reference::additive::run;
    distance: reference::distance::centroids_run;
    squared_error: reference::distance::squared_error_run;
    recall: reference::state::recall_run;
    remember: reference::state::remember_run;
}

/// Runs the record's part of an operator. `inputs` are those of the first record where they are not in scratch, else empty:
/// see [`takes_inputs`].
#[inline(always)]
pub(super) fn run(record: &Record, memory: &[i64], inputs: &[i32], scratch: &mut [i32], state: &mut [i64]) {
    match Layer::path(record) {
        Path::Rows => run_rows(record, memory, scratch),
        Path::Chain => run_chain(record, memory, inputs, scratch),
        Path::List => list(record, memory, scratch),
        Path::ListedRows => run_listed(record, memory, scratch),
        Path::Window if cfg!(feature = "convolution") => gather(record, memory, scratch),
        Path::WindowRows if cfg!(feature = "convolution") => run_window(record, memory, scratch),
        Path::Reference => run_reference(record, memory, scratch, state),
        // The only one without a path of its own.
        Path::Packed if cfg!(feature = "trees") => packed_trees(record, memory, inputs, scratch),
        Path::Window | Path::WindowRows | Path::Packed => {} // not compiled in
    }
}

/// Whether a record can read its input elsewhere than in scratch.
pub(super) const fn takes_inputs(path: Path) -> bool {
    matches!(path, Path::Chain | Path::Packed)
}

/// A function of its own, which calls one of the entries in its own place.
#[inline(never)]
fn run_reference(record: &Record, memory: &[i64], scratch: &mut [i32], state: &mut [i64]) {
    match Layer::kind(record) {
        OperatorKind::Dense => dense(record, memory, scratch, state),
        OperatorKind::Clip => clip(record, memory, scratch, state),
        OperatorKind::Conv if cfg!(feature = "convolution") => conv(record, memory, scratch, state),
        OperatorKind::Pool if cfg!(feature = "convolution") => pool(record, memory, scratch, state),
        OperatorKind::Rescale if cfg!(feature = "elementwise") => rescale(record, memory, scratch, state),
        OperatorKind::Table if cfg!(feature = "elementwise") => table(record, memory, scratch, state),
        OperatorKind::Softmax if cfg!(feature = "elementwise") => softmax(record, memory, scratch, state),
        OperatorKind::Add if cfg!(feature = "elementwise") => add(record, memory, scratch, state),
        OperatorKind::Mul if cfg!(feature = "elementwise") => mul(record, memory, scratch, state),
        OperatorKind::Concat if cfg!(feature = "recurrent") => concat(record, memory, scratch, state),
        OperatorKind::Slice if cfg!(feature = "recurrent") => slice(record, memory, scratch, state),
        OperatorKind::Trees if cfg!(feature = "trees") => trees(record, memory, scratch, state),
        OperatorKind::Additive if cfg!(feature = "additive") => additive(record, memory, scratch, state),
        OperatorKind::Distance if cfg!(feature = "distance") => distance(record, memory, scratch, state),
        OperatorKind::SquaredError if cfg!(feature = "distance") => squared_error(record, memory, scratch, state),
        OperatorKind::Recall if cfg!(feature = "recurrent") => recall(record, memory, scratch, state),
        OperatorKind::Remember if cfg!(feature = "recurrent") => remember(record, memory, scratch, state),
        _ => {} // a reshape, which is an alias, and what is not compiled in
    }
}

/// A segment of rows of a dense layer: in most networks most of the time, so in place.
#[inline(always)]
fn run_rows(record: &Record, memory: &[i64], scratch: &mut [i32]) {
    let [input, _, output, parameters] = Layer::spans(record);
    let Some((before, after)) = scratch.split_at_mut_checked(output.at as usize) else { return };
    if let (Some(parameters), Some(input)) = (parameters.get(memory), input.get(before)) {
        packed::dense::run(parameters, input, after);
    }
}

/// Layers of a chain: as [`run_rows`], and apart for the stack.
#[inline(never)]
pub(super) fn run_chain(record: &Record, memory: &[i64], inputs: &[i32], scratch: &mut [i32]) {
    let [input, room, output, parameters] = Layer::spans(record);
    let Some(parameters) = parameters.get(memory) else { return };
    let Some((before, after)) = scratch.split_at_mut_checked(output.at as usize) else { return };
    let Some(input) = input_of(input, before, inputs) else { return };
    if let Some(room) = after.get_mut(..room.len as usize) {
        packed::chain::run(parameters, input, room);
    }
}

/// The caller's inputs where it has them, else what is in scratch.
#[inline(always)]
fn input_of<'a>(input: Span, before: &'a [i32], inputs: &'a [i32]) -> Option<&'a [i32]> {
    if inputs.is_empty() {
        input.get(before)
    } else {
        Some(inputs)
    }
}

/// As `operands`, of which trees have fewer.
#[inline(never)]
fn packed_trees(record: &Record, memory: &[i64], inputs: &[i32], scratch: &mut [i32]) {
    let [input, _, output, parameters] = Layer::spans(record);
    let Some(parameters) = parameters.get(memory) else { return };
    let Some((before, after)) = scratch.split_at_mut_checked(output.at as usize) else { return };
    let Some(input) = input_of(input, before, inputs) else { return };
    let Some((scores, behind)) = after.split_at_mut_checked(output.len as usize) else { return };
    let workspace = i64s_mut(behind.get_mut((output.len & 1) as usize..).unwrap_or_default());
    packed::trees::run(parameters, input, scores, workspace);
}

#[inline(always)]
fn list(record: &Record, memory: &[i64], scratch: &mut [i32]) {
    let [input, _, output, parameters] = Layer::spans(record);
    let Some((before, after)) = scratch.split_at_mut_checked(output.at as usize) else { return };
    if let (Some(parameters), Some(input)) = (parameters.get(memory), input.get(before)) {
        packed::dense::list(parameters, input, i64s_mut(after));
    }
}

#[inline(always)]
fn run_listed(record: &Record, memory: &[i64], scratch: &mut [i32]) {
    let [_, list, output, parameters] = Layer::spans(record);
    let Some((before, list)) = scratch.split_at_mut_checked(list.at as usize) else { return };
    if let (Some(parameters), Some(output)) = (parameters.get(memory), before.get_mut(output.at as usize..)) {
        packed::dense::run_listed(parameters, i64s_mut(list), output);
    }
}

#[inline(always)]
fn gather(record: &Record, memory: &[i64], scratch: &mut [i32]) {
    let [input, number, output, parameters] = Layer::spans(record);
    let Some((before, after)) = scratch.split_at_mut_checked(output.at as usize) else { return };
    let Some(window) = after.get_mut(..output.len as usize) else { return };
    if let (Some(parameters), Some(input)) = (parameters.get(memory), input.get(before)) {
        packed::conv::gather(parameters, input, number.at, window);
    }
}

/// As [`run_rows`], over a window that lies behind the output.
#[inline(never)]
fn run_window(record: &Record, memory: &[i64], scratch: &mut [i32]) {
    let [_, window, output, parameters] = Layer::spans(record);
    let Some((before, behind)) = scratch.split_at_mut_checked(window.at as usize) else { return };
    let Some(output) = before.get_mut(output.at as usize..) else { return };
    if let (Some(parameters), Some(window)) = (parameters.get(memory), behind.get(..window.len as usize)) {
        packed::dense::run(parameters, window, output);
    }
}

/// Parameters and operands of an operator.
#[inline(always)]
fn operands<'a>(
    record: &Record,
    memory: &'a [i64],
    scratch: &'a mut [i32],
    state: &'a mut [i64],
) -> Option<(&'a [i64], Io<'a>)> {
    let [input, second, output, parameters] = Layer::spans(record);
    // An output lies behind its inputs.
    let (before, after) = scratch.split_at_mut_checked(output.at as usize)?;
    let (written, behind) = after.split_at_mut_checked(output.len as usize)?;
    // Behind an odd number of values is half a word.
    let workspace = i64s_mut(behind.get_mut((output.len & 1) as usize..).unwrap_or_default());
    let io = Io { input: input.get(before)?, second: second.get(before)?, output: written, workspace, state };
    Some((parameters.get(memory)?, io))
}
