//! Families of operators, each behind a feature of the crate, for a smaller core.
//!
//! An operator of a family that is not compiled in cannot be read: its kind is "not known to this build". What it would take
//! has no values then, so that the compiler leaves out everything that is done with one.

use core::convert::Infallible;
use core::marker::PhantomData;
use core::ops::Deref;

use super::OperatorKind;
use crate::error::Problem;

/// Operators that are always there.
pub type Always<T> = T;

macro_rules! families {
    ($($(#[$doc:meta])* $family:ident = $feature:literal;)+) => {$(
        $(#[$doc])*
        #[cfg(feature = $feature)]
        pub type $family<T> = T;
        $(#[$doc])*
        #[cfg(not(feature = $feature))]
        pub type $family<T> = Absent<T>;
    )+};
}

families! {
    /// Convolution and pooling.
    Convolution = "convolution";
    /// Rescaling, tables, softmax, sums and products of tensors.
    Elementwise = "elementwise";
    /// Concatenation, slices, state: what recurrent cells are made of besides the element-wise family.
    Recurrent = "recurrent";
    /// Decision trees.
    Trees = "trees";
    /// Additive binned models.
    Additive = "additive";
    /// Distances and squared errors.
    Distance = "distance";
}

/// The parameters of an operator that is not compiled in: there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absent<T>(Infallible, PhantomData<T>);

impl<T> Deref for Absent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.0 {}
    }
}

/// Parameters that can be read, or cannot.
pub(super) trait Member<T>: Sized {
    fn read(kind: OperatorKind, read: impl FnOnce() -> Result<T, Problem>) -> Result<Self, Problem>;
}

impl<T> Member<T> for T {
    fn read(_: OperatorKind, read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
        read()
    }
}

impl<T> Member<T> for Absent<T> {
    fn read(kind: OperatorKind, _: impl FnOnce() -> Result<T, Problem>) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: kind as u16 })
    }
}
