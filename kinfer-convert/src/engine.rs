//! The core's engine over a model file, for whole data sets.

use kinfer::{Decision, Limits, Model, Packed, Report, verify};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// A verified model, ready to decide.
#[derive(Debug)]
pub struct Engine {
    packed: Packed<Vec<i64>>,
    /// What the verifier proved.
    pub report: Report,
}

impl Engine {
    /// Exactly what the kernel does on load: parse, verify with [`Limits::KERNEL`], pack.
    ///
    /// # Errors
    ///
    /// The kernel would refuse it, with this very sentence.
    pub fn load(file: &[u8]) -> Result<Self> {
        let load = || {
            let model = Model::parse(file)?;
            let report = verify(&model, &Limits::KERNEL)?;
            let packed = Packed::new(&model, &report, vec![0; report.packed_words])?;
            Ok(Self { packed, report })
        };
        load().map_err(Error::Refused)
    }

    /// Decides every row.
    ///
    /// # Errors
    ///
    /// The rows have another number of counters than the model takes.
    pub fn decide(&self, data: &Data, progress: &dyn Progress) -> Result<Vec<Decision>> {
        self.packed.check_inputs(data.width).map_err(Error::Refused)?;
        let mut scratch = vec![0; self.report.scratch_words];
        let mut decisions = Vec::with_capacity(data.len());
        for row in data.rows() {
            decisions.push(self.packed.decide(&mut scratch, row));
            progress.advance(1);
        }
        Ok(decisions)
    }
}
