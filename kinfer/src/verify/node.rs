//! An operator with everything resolved that is known of it before it runs.

use super::Interval;
use crate::error::{Problem, What};
use crate::format::{Model, Operator, OperatorKind, Tensor};

/// An operator, its tensors, and what values can reach it.
#[derive(Clone, Copy, Debug)]
pub struct Node<'m> {
    /// The model it is in.
    pub model: &'m Model<'m>,
    /// The record.
    pub operator: &'m Operator,
    /// The tensor it reads.
    pub input: Tensor,
    /// The values that reach it.
    pub range: Interval,
    /// The second tensor it reads, and the values in that; the first again when it has no second.
    pub second: (Tensor, Interval),
    /// The tensor it writes.
    pub output: Tensor,
}

impl Node<'_> {
    /// Elements of the input.
    pub fn inputs(&self) -> usize {
        self.input.elements() as usize
    }

    /// Elements of the output.
    pub fn outputs(&self) -> usize {
        self.output.elements() as usize
    }

    /// The operator's kind.
    pub const fn kind(&self) -> OperatorKind {
        self.operator.kind()
    }

    /// The values that reach it, less the input's zero point.
    #[inline(never)]
    pub fn centred(&self) -> Result<Interval, Problem> {
        let zero_point = i64::from(self.input.zero_point);
        self.range.offset_down(zero_point).ok_or(Problem::Accumulator { channel: 0 })
    }

    /// The part of the data section from `offset`, `bytes` long.
    ///
    /// # Errors
    ///
    /// It is not all there; `what` names it in the sentence.
    #[inline(never)]
    pub fn data(&self, what: What, offset: u32, bytes: u64) -> Result<&[u8], Problem> {
        let data = self.model.data();
        let (end, length) = (u64::from(offset).saturating_add(bytes), data.len() as u64);
        data.get(offset as usize..end as usize).ok_or(Problem::DataEnd { what, end, length })
    }

    /// Refuses a result range that is empty or outside the output's element type.
    #[inline(never)]
    pub fn check_clamp(&self, lo: i32, hi: i32) -> Result<(), Problem> {
        let (min, max) = self.output.element.range();
        if lo > hi || lo < min || hi > max {
            return Err(Problem::Clip { lo, hi });
        }
        Ok(())
    }
}
