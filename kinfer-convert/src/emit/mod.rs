//! A verified model as source: C that needs nothing but a compiler, or a Rust file that loads the model into the core.
//!
//! [`Emitter::c`] writes a header and a source without floats, library calls, heap or the core itself; [`Emitter::rust`]
//! writes the model file as a constant with a typed way into `kinfer`. Both decide with the bits of
//! [`kinfer::Packed::decide`]. `docs/emit.md` says what they promise and how to use them; `tests/emit.rs` compiles both and
//! compares.
//!
//! ```
//! # fn emit(file: &[u8]) -> Result<(), kinfer::Error> {
//! let model = kinfer::Model::parse(file)?;
//! let emitter = kinfer_convert::emit::Emitter::new(model, "io-latency")?;
//! let c = emitter.c();
//! assert!(c.source.starts_with("/*") && c.header.contains("void io_latency_decide("));
//! println!("{}", emitter.rust());
//! # Ok(())
//! # }
//! ```

mod c;
mod code;
mod names;
mod rust;

pub use self::c::Files;

use kinfer::error::Result;
use kinfer::format::Operator;
use kinfer::verify::{Interval, Node};
use kinfer::{Limits, Model, Report, verify};

use self::names::{Names, identifier};

/// What may be emitted: what the kernel accepts, and 64 KiB of state, which an emitted model's caller keeps.
pub const LIMITS: Limits = Limits { state_bytes: 64 << 10, ..Limits::KERNEL };

/// A verified model under a name.
#[derive(Debug)]
pub struct Emitter<'a> {
    model: Model<'a>,
    report: Report,
    records: Vec<Operator>,
    name: String,
    features: Vec<String>,
    outcomes: Vec<String>,
}

/// An operator, and what is proved of it.
#[derive(Debug)]
struct Emitted<'a> {
    number: usize,
    node: Node<'a>,
    accumulator: Interval,
}

impl<'a> Emitter<'a> {
    /// Proves `model` within [`LIMITS`]. `name` becomes an identifier, with which everything that is emitted begins: letters
    /// of ASCII in lower case, digits and underscores, `model` where nothing is left of it.
    ///
    /// # Errors
    ///
    /// The verifier refuses the model.
    pub fn new(model: Model<'a>, name: &str) -> Result<Self> {
        let report = verify(&model, &LIMITS)?;
        let (mut features, mut outcomes) = (Names::default(), Names::default());
        Ok(Self {
            features: model.features().iter().map(|feature| features.unique(feature.name.as_str())).collect(),
            outcomes: model.outcomes().iter().map(|outcome| outcomes.unique(outcome.as_str())).collect(),
            name: identifier(name),
            records: model.operators().iter().collect(),
            model,
            report,
        })
    }

    /// The operators in their order.
    fn operators(&self) -> Vec<Emitted<'_>> {
        let proved = self.records.iter().zip(&self.report.operators).enumerate();
        let operators = proved.filter_map(|(number, (operator, proved))| {
            // Its tensors are there: it is verified.
            let node = verify::node(&self.model, operator, &self.report).ok()?;
            Some(Emitted { number, node, accumulator: proved.accumulator })
        });
        operators.collect()
    }

    /// The identifier that was made of the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Header and source in C.
    pub fn c(&self) -> Files {
        c::files(self)
    }

    /// One file of Rust.
    pub fn rust(&self) -> String {
        rust::file(self)
    }

    /// What both begin with: what the model is, what made the file.
    fn title(&self) -> Vec<String> {
        let (features, outcomes) = (self.model.features().len(), self.model.outcomes().len());
        vec![
            format!("{}: a decision of {outcomes} outcomes by {features} counters.", self.name),
            String::new(),
            format!(
                "Made by kinfer {} from a model file of {} bytes with CRC-32C {:08x}. Do not edit: emit again.",
                env!("CARGO_PKG_VERSION"),
                self.model.file().len(),
                self.model.checksum()
            ),
        ]
    }

    /// The lines of the model's provenance, as they are in the file.
    fn provenance(&self) -> Vec<String> {
        String::from_utf8_lossy(self.model.provenance()).lines().map(str::to_owned).collect()
    }
}
