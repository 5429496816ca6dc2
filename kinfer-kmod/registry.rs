// SPDX-License-Identifier: GPL-2.0

//! The model in place: read under RCU by those who decide, replaced by those who load.

use core::{
    mem::MaybeUninit,
    ptr, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        rcu, //
    }, //
};
use kinfer::{
    Limits,
    Model,
    Packed,
    Report, //
};

/// A model that was verified and is ready to decide.
pub(crate) struct Loaded {
    pub(crate) packed: Packed<KVVec<i64>>,
    pub(crate) facts: Facts,
}

/// What is told of a model.
#[derive(Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) outcomes: usize,
    pub(crate) file_bytes: usize,
    pub(crate) packed_bytes: usize,
    pub(crate) operations: u64,
    pub(crate) checksum: u32,
}

/// Why a model was not put in place.
pub(crate) enum Refusal {
    /// The core says what is wrong with it.
    Model(kinfer::Error),
    /// The kernel could not do its part.
    Kernel(Error),
}

impl From<kinfer::Error> for Refusal {
    fn from(error: kinfer::Error) -> Self {
        Self::Model(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Kernel(error)
    }
}

/// Null, or the pointer of a `KBox<Loaded>` that [`replace`] gave up and will take back.
static CURRENT: Atomic<*mut Loaded> = Atomic::new(ptr::null_mut());

/// Models accepted since the module was loaded.
static LOADS: Atomic<u64> = Atomic::new(0);

/// Takes the model out when the module goes.
pub(crate) struct Models;

impl Drop for Models {
    fn drop(&mut self) {
        drop(replace(None));
    }
}

/// The model in place, for as long as the read lock is held.
#[inline]
pub(crate) fn current(_rcu: &rcu::Guard) -> Option<&Loaded> {
    // SAFETY: The pointer is null or to a valid `Loaded`, published by a full barrier. `replace`
    // frees it only after a grace period that begins when it can no longer be found here, and the
    // guard keeps such a period from ending.
    unsafe { CURRENT.load(Acquire).as_ref() }
}

/// Verifies the model in `file` and puts it in place of the one before, which stays if the new one
/// is refused.
///
/// Never inlined: the object checks bound the stack from here.
#[inline(never)]
pub(crate) fn load(file: &[u8]) -> Result<(), Refusal> {
    let loaded = prepare(file)?;
    drop(replace(Some(loaded)));
    LOADS.add(1, Relaxed);
    Ok(())
}

/// Takes the model out.
///
/// # Errors
///
/// [`ENOENT`] if there is none.
pub(crate) fn unload() -> Result {
    replace(None).map(drop).ok_or(ENOENT)
}

/// Models accepted since the module was loaded.
pub(crate) fn loads() -> u64 {
    LOADS.load(Relaxed)
}

fn prepare(file: &[u8]) -> Result<KBox<Loaded>, Refusal> {
    let model = Model::parse(file)?;
    let report = KBox::new_uninit(GFP_KERNEL).map_err(Error::from)?;
    let mut report = blank(report);
    kinfer::verify_into(&model, &Limits::KERNEL, &mut report)?;
    let memory = KVVec::from_elem(0, report.packed_words, GFP_KERNEL).map_err(Error::from)?;
    let facts = Facts {
        outcomes: report.outcomes,
        file_bytes: file.len(),
        packed_bytes: report.packed_bytes(),
        operations: report.operations,
        checksum: report.checksum,
    };
    let packed = Packed::new(&model, &report, memory)?;
    Ok(KBox::new(Loaded { packed, facts }, GFP_KERNEL).map_err(Error::from)?)
}

/// A report holds a table. This is a function of its own, so that no stack frame below the
/// verifier's holds one, and gets its box from outside, so that memory is not reclaimed on top of
/// such a frame.
#[inline(never)]
fn blank(to: KBox<MaybeUninit<Report>>) -> KBox<Report> {
    KBox::write(to, Report::default())
}

/// Puts `new` in place and hands back what was there, which nobody reads any more. Any number of
/// callers may be at it: the exchange gives each model that was in place to one of them.
fn replace(new: Option<KBox<Loaded>>) -> Option<KBox<Loaded>> {
    let new = new.map_or(ptr::null_mut(), KBox::into_raw);
    let before = CURRENT.xchg(new, Full);
    if before.is_null() {
        return None;
    }
    // SAFETY: Loading and unloading run in a process, where one may sleep.
    unsafe { bindings::synchronize_rcu() };
    // SAFETY: What is not null in `CURRENT` came from `KBox::into_raw` above. The exchange took it
    // out, so that only we have it, and readers that found it before have ended with the grace
    // period.
    Some(unsafe { KBox::from_raw(before) })
}
