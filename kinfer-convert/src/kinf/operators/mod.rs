//! Operators with their parameters → records and data, one file a family.

mod additive;
mod conv;
mod dense;
mod distance;
mod elementwise;
mod pool;
mod record;
mod shape;
mod softmax;
mod state;
mod table;
mod trees;
mod window;

pub use additive::{AdditiveSpec, TermSpec};
pub use conv::ConvSpec;
pub use dense::{DenseSpec, RowsSpec, WeightsSpec};
pub use distance::{DistanceSpec, ScalingSpec, SquaredErrorSpec};
pub use elementwise::{AddSpec, ClipSpec, MulSpec, RescaleSpec};
pub use pool::PoolSpec;
pub use shape::{ConcatSpec, ReshapeSpec, SliceSpec};
pub use softmax::SoftmaxSpec;
pub use state::{RecallSpec, RememberSpec};
pub use table::{EntriesSpec, KnotsSpec, TableSpec};

pub use trees::{TreeNodeSpec, TreeSpec, TreesSpec};
pub use window::WindowSpec;

use kinfer::format::OperatorKind;

pub(super) use self::record::Data;
use self::record::OperatorRecord;

/// An operator with its parameters.
#[derive(Clone, Debug)]
pub enum OperatorSpec {
    /// See [`OperatorKind::Dense`].
    Dense(DenseSpec),
    /// See [`OperatorKind::Clip`].
    Clip(ClipSpec),
    /// See [`OperatorKind::Conv`].
    Conv(ConvSpec),
    /// See [`OperatorKind::Pool`].
    Pool(PoolSpec),
    /// See [`OperatorKind::Rescale`].
    Rescale(RescaleSpec),
    /// See [`OperatorKind::Table`].
    Table(TableSpec),
    /// See [`OperatorKind::Softmax`].
    Softmax(SoftmaxSpec),
    /// See [`OperatorKind::Add`].
    Add(AddSpec),
    /// See [`OperatorKind::Mul`].
    Mul(MulSpec),
    /// See [`OperatorKind::Concat`].
    Concat(ConcatSpec),
    /// See [`OperatorKind::Slice`].
    Slice(SliceSpec),
    /// See [`OperatorKind::Reshape`].
    Reshape(ReshapeSpec),
    /// See [`OperatorKind::Trees`].
    Trees(TreesSpec),
    /// See [`OperatorKind::Additive`].
    Additive(AdditiveSpec),
    /// See [`OperatorKind::Distance`].
    Distance(DistanceSpec),
    /// See [`OperatorKind::SquaredError`].
    SquaredError(SquaredErrorSpec),
    /// See [`OperatorKind::Recall`].
    Recall(RecallSpec),
    /// See [`OperatorKind::Remember`].
    Remember(RememberSpec),
}

impl OperatorSpec {
    /// Which operator.
    pub fn kind(&self) -> OperatorKind {
        match self {
            Self::Dense(_) => OperatorKind::Dense,
            Self::Clip(_) => OperatorKind::Clip,
            Self::Conv(_) => OperatorKind::Conv,
            Self::Pool(_) => OperatorKind::Pool,
            Self::Rescale(_) => OperatorKind::Rescale,
            Self::Table(_) => OperatorKind::Table,
            Self::Softmax(_) => OperatorKind::Softmax,
            Self::Add(_) => OperatorKind::Add,
            Self::Mul(_) => OperatorKind::Mul,
            Self::Concat(_) => OperatorKind::Concat,
            Self::Slice(_) => OperatorKind::Slice,
            Self::Reshape(_) => OperatorKind::Reshape,
            Self::Trees(_) => OperatorKind::Trees,
            Self::Additive(_) => OperatorKind::Additive,
            Self::Distance(_) => OperatorKind::Distance,
            Self::SquaredError(_) => OperatorKind::SquaredError,
            Self::Recall(_) => OperatorKind::Recall,
            Self::Remember(_) => OperatorKind::Remember,
        }
    }

    /// The tensors that it reads, one or two, and the one that it writes.
    pub fn tensors(&self) -> (u16, Option<u16>, u16) {
        let record = self.record(&mut Data::default());
        (record.input, record.second, record.output)
    }

    pub(super) fn write(&self, data: &mut Data) -> Vec<u8> {
        self.record(data).to_bytes(self.kind())
    }

    fn record(&self, data: &mut Data) -> OperatorRecord {
        match self {
            Self::Dense(spec) => spec.record(data),
            Self::Clip(spec) => spec.record(data),
            Self::Conv(spec) => spec.record(data),
            Self::Pool(spec) => spec.record(data),
            Self::Rescale(spec) => spec.record(data),
            Self::Table(spec) => spec.record(data),
            Self::Softmax(spec) => spec.record(data),
            Self::Add(spec) => spec.record(data),
            Self::Mul(spec) => spec.record(data),
            Self::Concat(spec) => spec.record(data),
            Self::Slice(spec) => spec.record(data),
            Self::Reshape(spec) => spec.record(data),
            Self::Trees(spec) => spec.record(data),
            Self::Additive(spec) => spec.record(data),
            Self::Distance(spec) => spec.record(data),
            Self::SquaredError(spec) => spec.record(data),
            Self::Recall(spec) => spec.record(data),
            Self::Remember(spec) => spec.record(data),
        }
    }
}
