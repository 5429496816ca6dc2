// SPDX-License-Identifier: GPL-2.0

//! The decision path. It takes no lock, does not sleep, allocate or fail, and may run in any
//! context.

use kernel::{
    error::to_result,
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

/// Decides on a row of counters. Whatever the result is, there is a decision.
///
/// # Errors
///
/// [`ENOENT`] without a model, [`EINVAL`] when it takes another count; the decision is the
/// fallback.
pub(crate) fn decide(raw: &[i64]) -> (DecisionRecord, Result) {
    let mut decision = DecisionRecord::default();
    // SAFETY: The slice holds that many values, and `decision` is ours.
    let status = unsafe { kinfer_rs_decide(raw.as_ptr(), raw.len(), &mut decision) };
    (decision, to_result(status))
}

/// [`decide`], as `kinfer_shim.h` has it: for `kfunc.c` and `measure.c`.
///
/// # Safety
///
/// `raw` is aligned and valid for reading `count` values, which others may write at the same time.
/// `decision` is valid for writing.
#[no_mangle]
unsafe extern "C" fn kinfer_rs_decide(
    raw: *const i64,
    count: usize,
    decision: *mut DecisionRecord,
) -> c_int {
    // SAFETY: As the caller promises.
    let (answer, status) = match unsafe { ask_model(raw, count) } {
        Ok(Some(answer)) => {
            // SAFETY: No requirements; for any context.
            unsafe { shim::kinfer_count_decision() };
            (answer, 0)
        }
        refused => {
            // SAFETY: No requirements; for any context.
            unsafe { shim::kinfer_count_fallback() };
            let status = refused.map_or_else(Error::to_errno, |_| 0);
            (Decision::FALLBACK, status)
        }
    };
    // SAFETY: As the caller promises.
    unsafe { decision.write(answer.into()) };
    status
}

/// The decision of the model in place, or `None` if this CPU is deciding already at this context
/// level.
///
/// # Safety
///
/// `raw` is as for [`kinfer_rs_decide`].
#[inline]
unsafe fn ask_model(raw: *const i64, count: usize) -> Result<Option<Decision>> {
    let rcu = rcu::read_lock();
    let loaded = registry::current(&rcu).ok_or(ENOENT)?;
    if loaded.packed.inputs() != count {
        return Err(EINVAL);
    }
    let Some(mut slot) = Slot::take() else {
        return Ok(None);
    };
    // SAFETY: As the caller promises.
    let filled = unsafe { slot.fill(raw, count) };
    Ok(filled.map(|(raw, scratch)| loaded.packed.decide(scratch, raw)))
}
