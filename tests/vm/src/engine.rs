//! The user-space engine: the very crate that is in the module, as the judge of what the kernel answers.

use kinfer::uapi::DecisionRecord;
use kinfer::{Error, Limits, Model, Packed, Report};

/// What the kernel must say of these bytes.
pub(crate) fn verdict(file: &[u8]) -> Result<Report, Error> {
    // The kernel looks at the length before it copies anything.
    Limits::KERNEL.check_file(file.len())?;
    kinfer::verify(&Model::parse(file)?, &Limits::KERNEL)
}

/// A model that decides in this process.
pub(crate) struct Engine {
    packed: Packed<Vec<i64>>,
    scratch: Vec<i64>,
}

impl Engine {
    pub(crate) fn new(file: &[u8]) -> Result<Self, Error> {
        let report = verdict(file)?;
        let packed = Packed::new(&Model::parse(file)?, &report, vec![0; report.packed_words])?;
        Ok(Self { packed, scratch: vec![0; report.scratch_words] })
    }

    pub(crate) fn decide(&mut self, raw: &[i64]) -> DecisionRecord {
        self.packed.decide(&mut self.scratch, raw).into()
    }

    pub(crate) fn inputs(&self) -> usize {
        self.packed.inputs()
    }
}
