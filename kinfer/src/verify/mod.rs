//! What may be loaded: shapes, order, ranges, cost, memory. Knows nothing of how an operator is computed fast.
//!
//! Everything is proved before anything runs, operator by operator in their order, in checked arithmetic and without
//! recursion; each operator's data is read a fixed number of times:
//!
//! * every step reads a counter or a value that is there before it, and the steps make the elements of tensor 0;
//! * every tensor is written once, in the order of the tensors, before it is read, with the shape that its operator makes;
//! * every offset into the data section is in bounds;
//! * every accumulator fits its type, by interval arithmetic over the real weights and the reachable range of the
//!   operator's input;
//! * every tree's nodes have one parent before them, and its depth is bounded;
//! * nothing is believed of the caller's state: what is read of it is clamped;
//! * the head fits its scores and the named outcomes;
//! * operations, look-ups, scratch, packed memory, state and file size are within the caller's [`Limits`].
//!
//! `docs/verification.md` says it operator by operator, with the tests that show it.

mod additive;
pub(crate) mod conv;
mod dense;
mod distance;
mod elementwise;
mod head;
mod interval;
mod limits;
mod node;
mod pool;
mod program;
mod report;
mod shape;
mod softmax;
mod state;
mod table;
mod trees;
pub(crate) mod weights;
mod window;

use crate::backend;
use crate::engine::layout;
use crate::error::{Error, Place, Problem, Result};
use crate::format::{ElementType, Model, Operator, Parameters, Tensor};
pub use interval::Interval;
pub use limits::Limits;
pub use node::Node;
pub use report::{OperatorReport, Report};

/// Proves that `model` can run within `limits`.
///
/// # Errors
///
/// The first thing that cannot be proved, naming the step, tensor or operator.
#[inline] // so that the kernel's object has no function with a report in its frame
pub fn verify(model: &Model<'_>, limits: &Limits) -> Result<Report> {
    let mut report = Report::default();
    verify_into(model, limits, &mut report)?;
    Ok(report)
}

/// As [`verify`], into a report of the caller: it is large, and a kernel stack is not. After a refusal the report says
/// nothing.
///
/// # Errors
///
/// As [`verify`].
#[cfg_attr(kinfer_module, optimize(size))]
pub fn verify_into(model: &Model<'_>, limits: &Limits, report: &mut Report) -> Result<()> {
    report.operations = 0;
    report.look_ups = 0;
    report.state_words = 0;
    report.operators.clear();
    program::check(model, report)?;
    prove_operators(model, limits, report)?;
    head::check(model, report)?;
    backend::packed::chain::join(model, report);

    report.inputs = model.features().len();
    report.outcomes = model.outcomes().len();
    report.checksum = model.checksum();
    (report.packed_words, report.scratch_words) = layout::sizes(model, report);
    limits.check(model, report)
}

/// Not inlined: the report is large, and a kernel stack is not.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
fn prove_operators(model: &Model<'_>, limits: &Limits, report: &mut Report) -> Result<()> {
    let (operators, mut index) = (model.operators(), 0u32);
    // By reference from here on: an operator and its node are a hundred bytes and more.
    while let Some(operator) = &operators.get(index as usize) {
        let refuse = |problem| Error::new(Place::Operator(index, operator.kind()), problem);
        let next = report.tensors_written();
        let found = node(model, operator, report);
        let node = match &found {
            Ok(node) => node,
            Err(problem) => return Err(refuse(*problem)),
        };
        check_operator(node, report.add(OperatorReport::of(node)).map_err(refuse)?).map_err(refuse)?;
        if operator.output != next {
            return Err(refuse(Problem::WriteOrder { tensor: operator.output, next }));
        }
        report.sum_up();
        // Now and not at the end: records may name the same data, so that a small file could be long work.
        limits.check_work(report)?;
        index = index.wrapping_add(1);
    }
    let written = report.tensors_written();
    if usize::from(written) < model.tensors().len() {
        return Err(Error::new(Place::Tensor(u32::from(written)), Problem::NeverWritten));
    }
    Ok(())
}

/// Proves one operator, and chooses the backend that will run it.
#[cfg_attr(kinfer_module, optimize(size))]
fn check_operator(node: &Node<'_>, report: &mut OperatorReport) -> core::result::Result<(), Problem> {
    let operator = node.operator;
    let reads_scores = |tensor: &Tensor| node.kind().multiplies() && tensor.element == ElementType::I32;
    if reads_scores(&node.input) {
        return Err(Problem::ReadsScores { tensor: operator.input });
    }
    if let Some(tensor) = operator.second.filter(|_| reads_scores(&node.second.0)) {
        return Err(Problem::ReadsScores { tensor });
    }
    match &operator.parameters {
        Parameters::Dense(dense) => dense::check(node, dense, report),
        Parameters::Clip(clip) => elementwise::clip(node, clip, report),
        Parameters::Conv(conv) => conv::check(node, conv, report),
        Parameters::Pool(pool) => pool::check(node, pool, report),
        Parameters::Rescale(rescale) => elementwise::rescale(node, rescale, report),
        Parameters::Table(table) => table::check(node, table, report),
        Parameters::Softmax(softmax) => softmax::check(node, softmax, report),
        Parameters::Add(add) => elementwise::add(node, add, report),
        Parameters::Mul(mul) => elementwise::mul(node, mul, report),
        Parameters::Concat(concat) => shape::concat(node, concat, report),
        Parameters::Slice(slice) => shape::slice(node, slice),
        Parameters::Reshape(reshape) => shape::reshape(node, reshape, report),
        Parameters::Trees(trees) => trees::check(node, trees, report),
        Parameters::Additive(additive) => additive::check(node, additive, report),
        Parameters::Distance(distance) => distance::centroids(node, distance, report),
        Parameters::SquaredError(error) => distance::squared_error(node, error, report),
        Parameters::Recall(recall) => state::recall(node, recall, report),
        Parameters::Remember(remember) => state::remember(node, remember, report),
    }?;
    (report.backend, report.need) = backend::choose(node);
    Ok(())
}

/// The operator with its tensors and their reachable values, as far as they are in the report.
///
/// # Errors
///
/// A tensor that does not exist, or that nothing has written yet.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub fn node<'m>(
    model: &'m Model<'m>,
    operator: &'m Operator,
    report: &Report,
) -> core::result::Result<Node<'m>, Problem> {
    let input = tensor(model, operator.input)?;
    let range = report.range_of(operator.input)?;
    let second = match operator.second {
        Some(second) => (tensor(model, second)?, report.range_of(second)?),
        None => (input, range),
    };
    Ok(Node { model, operator, input, range, second, output: tensor(model, operator.output)? })
}

#[inline(never)]
fn tensor(model: &Model<'_>, index: u16) -> core::result::Result<Tensor, Problem> {
    let tensors = model.tensors();
    let absent = Problem::NoTensor { is: index, tensors: tensors.len() as u32 };
    tensors.get(usize::from(index)).ok_or(absent)
}
