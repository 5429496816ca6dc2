//! Operator records: one layout for all, one file a family for what the fields mean.

mod additive;
mod conv;
mod dense;
mod distance;
mod elementwise;
pub mod family;
mod fields;
mod pool;
mod shape;
mod softmax;
mod state;
mod table;
mod trees;
mod window;

pub(crate) use additive::entries;
pub use additive::{Additive, Entries, Term, TERM_SIZE};
pub use conv::Conv;
pub use dense::{Channel, ChannelIter, Dense, Requantize, WeightType, Weights, WeightsIter};
pub use distance::{Centroid, Distance, Scaling, SquaredError};
pub use elementwise::{Add, Clip, Mul, Rescale};
use family::Member;
use fields::Fields;
pub use fields::Rounding;
pub use pool::{Pool, PoolMode};
pub use shape::{Concat, Reshape, Slice};
pub use softmax::Softmax;
pub use state::{Recall, Remember};
pub use table::{Lookup, Table};

pub use trees::{Child, Leaves, Split, Splits, Tree, TreeIter, Trees};
pub use window::Window;

use super::bytes::u16_at;
use super::records::Record;
use crate::error::{Error, Place, Problem, Result};

/// Bytes of an [`Operator`] record.
pub const OPERATOR_SIZE: usize = 64;

/// In the field of an operator's second input: it has none.
pub const NO_TENSOR: u16 = 0xffff;

macro_rules! operators {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $name:literal, $family:ident;)+) => {
        /// Which operator, without its parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum OperatorKind {
            $($(#[$doc])* $kind = $code,)+
        }

        impl OperatorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The name in messages and tools.
            pub fn name(self) -> &'static str {
                // The codes are 1 and on.
                static NAMES: &[&str] = &[$($name,)+];
                NAMES.get((self as usize).wrapping_sub(1)).copied().unwrap_or_default()
            }

            /// The kind with this code.
            pub const fn from_code(code: u16) -> Option<Self> {
                Some(match code {
                    $($code => Self::$kind,)+
                    _ => return None,
                })
            }
        }

        /// Parameters by kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Parameters {
            $(
                #[doc = concat!("See [`", stringify!($kind), "`].")]
                $kind(family::$family<$kind>),
            )+
        }

        impl Parameters {
            #[inline(never)]
            #[cfg_attr(kinfer_module, optimize(size))]
            fn read(kind: OperatorKind, fields: &mut Fields) -> core::result::Result<Self, Problem> {
                Ok(match kind {
                    $(OperatorKind::$kind => Self::$kind(Member::read(kind, || $kind::read(fields))?),)+
                })
            }
        }

    };
}

operators! {
    /// Fully connected layer.
    Dense = 1, "dense", Always;
    /// Clamp, element by element.
    Clip = 2, "clip", Always;
    /// Convolution over one or two dimensions, grouped or depthwise.
    Conv = 3, "conv", Convolution;
    /// Maximum or mean over a window.
    Pool = 4, "pool", Convolution;
    /// Another scale, or two slopes: LeakyReLU.
    Rescale = 5, "rescale", Elementwise;
    /// A function of one value, from a table: sigmoid, tanh, hard-swish.
    Table = 6, "table", Elementwise;
    /// Shares that sum to one.
    Softmax = 7, "softmax", Elementwise;
    /// Sum of two tensors.
    Add = 8, "add", Elementwise;
    /// Product of two tensors, element by element.
    Mul = 9, "mul", Elementwise;
    /// Two tensors side by side.
    Concat = 10, "concat", Recurrent;
    /// A part of a tensor.
    Slice = 11, "slice", Recurrent;
    /// The same elements under other dimensions.
    Reshape = 12, "reshape", Always;
    /// Decision trees, summed.
    Trees = 13, "trees", Trees;
    /// One table a feature, summed.
    Additive = 14, "additive", Additive;
    /// Squared distance to each of some centroids.
    Distance = 15, "distance", Distance;
    /// Squared difference of two tensors, summed.
    SquaredError = 16, "squared-error", Distance;
    /// A tensor from the caller's state.
    Recall = 17, "recall", Recurrent;
    /// A tensor into the caller's state.
    Remember = 18, "remember", Recurrent;
}

/// An operator: what it reads, what it writes, how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Tensor it reads.
    pub input: u16,
    /// Second tensor it reads, of an operator that has two.
    pub second: Option<u16>,
    /// Tensor it writes.
    pub output: u16,
    /// What it does.
    pub parameters: Parameters,
    kind: OperatorKind,
}

impl Operator {
    /// The operator's kind.
    pub const fn kind(&self) -> OperatorKind {
        self.kind
    }
}

impl Record<'_> for Operator {
    const SIZE: usize = OPERATOR_SIZE;

    #[cfg_attr(kinfer_module, optimize(size))]
    fn read(index: u32, bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.first_chunk::<OPERATOR_SIZE>().unwrap_or(&[0; OPERATOR_SIZE]);
        let code = u16_at(bytes, 0);
        let Some(kind) = OperatorKind::from_code(code) else {
            return Err(Error::new(Place::Record(index), Problem::UnknownKind { kind: code }));
        };
        let refuse = |problem| Error::new(Place::Operator(index, kind), problem);
        let mut fields = Fields::parse(bytes);
        let parameters = Parameters::read(kind, &mut fields).map_err(refuse)?;
        let second = fields.take_second(kind).map_err(refuse)?;
        fields.finish().map_err(refuse)?;
        Ok(Self { input: u16_at(bytes, 4), second, output: u16_at(bytes, 8), parameters, kind })
    }
}

impl OperatorKind {
    /// Whether it reads a second tensor.
    pub const fn has_second(self) -> bool {
        matches!(self, Self::Add | Self::Mul | Self::Concat | Self::SquaredError)
    }

    /// Whether it computes with its inputs' values in a way that asks for 16 bits at most. The others may read scores.
    pub const fn multiplies(self) -> bool {
        !matches!(
            self,
            Self::Clip
                | Self::Rescale
                | Self::Add
                | Self::Concat
                | Self::Slice
                | Self::Reshape
                | Self::Recall
                | Self::Remember
        )
    }
}
