//! Quantised TensorFlow Lite files, with their own scales, zero points, multipliers and roundings: nothing is estimated anew.
//!
//! 1. `flatbuffer` and `schema` read the file without trusting it.
//! 2. `ends` finds what the feature program and the head stand for: the model's input, a softmax or dequantisation at its end.
//! 3. `lower` makes the rest the operators of a `.kinf` file, one TensorFlow Lite operator after the other, such that every element has
//!    the bits of the interpreter whose [`Rounding`] is asked for. `layers`, `windows`, `elementwise`, `shape` are its families;
//!    `multiplier`, `functions`, `fixed_point` are the interpreters' arithmetic.
//!
//! `docs/tflite.md` says what is read, and how exact each operator is.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use kinfer_convert::tflite::{Rounding, read};
//!
//! let network = read(&std::fs::read("model.tflite")?, Rounding::Double)?;
//! let file = network.model_spec().to_bytes();
//! # Ok(())
//! # }
//! ```

mod convert;
mod elementwise;
mod ends;
mod error;
mod fixed_point;
mod flatbuffer;
mod functions;
mod layers;
mod lower;
mod multiplier;
mod names;
mod schema;
mod shape;
mod windows;

use clap::ValueEnum;
use kinfer::Report;
use kinfer::format::HeadKind;

pub use self::convert::{Options, convert};
pub use self::ends::Counters;
pub use self::error::{Error, Result};
use self::lower::Lowering;
use self::schema::File;
use crate::kinf::{FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, StepSpec, TensorSpec};

/// How the interpreter that is to be matched rounds a product with a multiplier, and with it whose kernels are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rounding {
    /// Once: TensorFlow Lite built with `TFLITE_SINGLE_ROUNDING`; dense layers and convolutions of XNNPACK
    Single,
    /// Twice: tflite-micro
    Double,
    /// Twice, but once in dense layers: LiteRT (`ai-edge-litert`) with its reference kernels
    Litert,
}

/// Whether a file is one of TensorFlow Lite, by the label at its byte 4.
pub fn is_tflite(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"TFL3")
}

/// A model's operators, and what is known of its ends.
#[derive(Clone, Debug)]
pub struct Network {
    /// Names of the elements of the input, in their order: what the raw counters are called.
    pub names: Vec<String>,
    /// What a raw counter is.
    pub counters: Counters,
    /// One step an element.
    pub program: Vec<StepSpec>,
    /// Activations; tensor 0 is the feature program's output.
    pub tensors: Vec<TensorSpec>,
    /// Operators in the order they run; operator *i* writes tensor *i* + 1.
    pub operators: Vec<OperatorSpec>,
    /// Tensor that the head reads.
    pub scores: u16,
    /// Operators of the file that feature program and head stand for, by number and name.
    pub left_out: Vec<String>,
}

/// Reads a file, for counters that are the elements of its input: the integers that an interpreter is fed, or for an input of
/// float32 whole numbers ([`Network::set_resolution`] changes that).
///
/// # Errors
///
/// The file is damaged, or has an operator, a type or a form that is not read: which, where, and what to do.
pub fn read(bytes: &[u8], rounding: Rounding) -> Result<Network> {
    let file = File::parse(bytes)?;
    let ends = ends::find(&file)?;
    let mut lowering = Lowering::new(file, rounding, &ends.first)?;
    for index in (0..file.operators()).filter(|index| !ends.left_out.contains(index)) {
        lowering.lower(&file.node(index)?)?;
    }
    let scores = lowering.held(ends.scores.index).ok_or_else(|| {
        Error::model(
            format!("the output, tensor {} (`{}`), is written by no operator", ends.scores.index, ends.scores.name),
            "the file is damaged: convert the model again",
        )
    })?;
    let left_out = ends.left_out.iter().map(|&index| Ok(format!("op {index} ({})", file.node(index)?.name)));
    let mut network = Network {
        names: ends.names(),
        counters: ends.counters,
        program: vec![],
        tensors: lowering.tensors,
        operators: lowering.operators,
        scores,
        left_out: left_out.collect::<Result<_>>()?,
    };
    network.program = network.steps()?;
    Ok(network)
}

impl Network {
    /// Number of raw counters: the elements of the model's input.
    pub fn features(&self) -> usize {
        self.names.len()
    }

    /// Number of scores.
    pub fn outputs(&self) -> usize {
        let scores = self.tensors.get(usize::from(self.scores));
        scores.map_or(0, |scores| scores.dims.iter().fold(1, |all, &dim| all * dim as usize))
    }

    /// A file's contents with this network: features whose range is all of the input's type; the head *argmax* with outcomes that are
    /// called by their number, or *value* for one score.
    pub fn model_spec(&self) -> ModelSpec {
        let (lo, hi) = self.range();
        let outputs = self.outputs();
        let unit = self.unit();
        let feature = |name: &String| FeatureSpec { name: name.clone(), unit: unit.clone(), lo, hi };
        let kind = if outputs == 1 { HeadKind::Value } else { HeadKind::ArgMax };
        ModelSpec {
            features: self.names.iter().map(feature).collect(),
            program: self.program.clone(),
            tensors: self.tensors.clone(),
            operators: self.operators.clone(),
            head: HeadSpec { kind, scores: self.scores, low_margin: Default::default() },
            outcomes: (0..outputs).map(|class| class.to_string()).collect(),
            provenance: vec![],
        }
    }

    /// Refuses a network with a sum or product that leaves the integers in which interpreters compute, so that they wrap where the
    /// engine does not. `report` is the verifier's of a file with this network's operators.
    ///
    /// # Errors
    ///
    /// Which operator, and what its sums reach.
    pub fn check_interpreters(&self, report: &Report) -> Result<()> {
        for (index, (operator, proved)) in self.operators.iter().zip(&report.operators).enumerate() {
            let (shifts, input) = match operator {
                OperatorSpec::Dense(dense) => (&dense.rows.shifts[..], dense.input),
                OperatorSpec::Conv(conv) => (&conv.rows.shifts[..], conv.input),
                OperatorSpec::Rescale(rescale) => (&[rescale.above.1, rescale.below.1][..], rescale.input),
                OperatorSpec::Mul(mul) => (&[mul.factor.1][..], mul.inputs.0),
                _ => continue,
            };
            let is_wide = matches!(operator, OperatorSpec::Dense(_) | OperatorSpec::Conv(_))
                && self.tensors.get(usize::from(input)).is_some_and(|held| held.element.size() == 2);
            let smallest = shifts.iter().copied().min().unwrap_or(31);
            let (bits, left) = if is_wide { (48, 0) } else { (32, 31u32.saturating_sub(smallest.into())) };
            if proved.accumulator.bits() + left > bits {
                let (lo, hi) = (proved.accumulator.lo, proved.accumulator.hi);
                return Err(Error::model(
                    format!("op {index} ({}): its sums reach {lo} to {hi}", proved.kind.name()),
                    format!("interpreters compute in {bits} bits and wrap: use smaller weights or biases"),
                ));
            }
        }
        Ok(())
    }
}
