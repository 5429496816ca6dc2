// SPDX-License-Identifier: GPL-2.0

//! The decision path. It takes no lock, does not sleep, allocate or fail, and may run in any context.

use kernel::{
    error::code,
    ffi::c_int,
    prelude::*,
    sync::rcu, //
};
use kinfer::{
    uapi::DecisionRecord,
    Decision, //
};

use crate::{
    registry,
    scratch::Slot,
    shim, //
};

/// Decides on `count` counters at `raw`; whatever is returned, the caller has a decision.
///
/// # Errors
///
/// [`ENOENT`] without a model, [`EINVAL`] when it takes another count; the decision is the fallback.
///
/// # Safety
///
/// `raw` is aligned and valid for reading `count` values, which others may write at the same time.
#[inline]
pub(crate) unsafe fn decide(raw: *const i64, count: usize) -> (DecisionRecord, Result) {
    // SAFETY: As the caller promises.
    let answer = unsafe { ask_model(raw, count) };
    match answer {
        Ok(Some(decision)) => {
            // SAFETY: No requirements; for any context.
            unsafe { shim::kinfer_count_decision() };
            (decision.into(), Ok(()))
        }
        refused => {
            // SAFETY: No requirements; for any context.
            unsafe { shim::kinfer_count_fallback() };
            (Decision::FALLBACK.into(), refused.map(|_| ()))
        }
    }
}

/// The decision of the model in place, or `None` if this CPU is deciding already at this context level.
///
/// # Safety
///
/// As [`decide`].
#[inline]
unsafe fn ask_model(raw: *const i64, count: usize) -> Result<Option<Decision>> {
    let rcu = rcu::read_lock();
    let loaded = registry::current(&rcu).ok_or(code::ENOENT)?;
    if loaded.packed.inputs() != count {
        return Err(code::EINVAL);
    }
    let Some(mut slot) = Slot::take() else {
        return Ok(None);
    };
    // SAFETY: As the caller promises.
    let filled = unsafe { slot.fill(raw, count) };
    Ok(filled.map(|(raw, scratch)| loaded.packed.decide(scratch, raw)))
}

/// [`decide`] for `kfunc.c` and `measure.c`.
///
/// # Safety
///
/// As [`decide`], and `decision` is valid for writing.
#[no_mangle]
unsafe extern "C" fn kinfer_rs_decide(
    raw: *const i64,
    count: usize,
    decision: *mut DecisionRecord,
) -> c_int {
    // SAFETY: As the caller promises.
    let (record, result) = unsafe { decide(raw, count) };
    // SAFETY: As the caller promises.
    unsafe { decision.write(record) };
    result.map_or_else(|error| error.to_errno(), |()| 0)
}
