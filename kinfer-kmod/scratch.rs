// SPDX-License-Identifier: GPL-2.0

//! Working memory of a decision, by CPU and context level (`scratch.c`).

use core::{
    ptr::NonNull,
    slice, //
};
use kernel::{
    error::to_result,
    prelude::*,
    types::NotThreadSafe, //
};
use kinfer::{
    format::MAX_FEATURES,
    Limits, //
};

use crate::shim;

/// Words of a slot: a copy of the counters, then what a model of the largest size allowed needs.
const WORDS: usize = MAX_FEATURES + Limits::KERNEL.scratch_bytes / size_of::<i64>();

/// The slots of all CPUs.
///
/// # Invariants
///
/// While a value exists, every slot has [`WORDS`] words.
pub(crate) struct Scratch(());

impl Scratch {
    /// Allocates all slots. There may be one value at a time.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: The slots are allocated once, by the module's initialisation.
        to_result(unsafe { shim::kinfer_scratch_init(WORDS) })?;
        // INVARIANT: `kinfer_scratch_init` allocated them all.
        Ok(Self(()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: The module's last field to go: the device and the models are gone, and BPF
        // programs that call the kfunc hold a reference to the module, so that nobody decides.
        unsafe { shim::kinfer_scratch_exit() };
    }
}

/// The slot of this CPU and context level. Preemption is off while a value exists.
///
/// # Invariants
///
/// The pointer is to [`WORDS`] words that belong to this value alone.
pub(crate) struct Slot(NonNull<i64>, NotThreadSafe);

impl Slot {
    /// Takes the slot; `None` if a decision of this very level is under way on this CPU.
    #[inline]
    pub(crate) fn take() -> Option<Self> {
        // SAFETY: No requirements; for any context.
        let words = NonNull::new(unsafe { shim::kinfer_scratch_get() })?;
        // INVARIANT: The slot was not busy, and now is until `kinfer_scratch_put`.
        Some(Self(words, NotThreadSafe))
    }

    /// Copies the counters to the slot's front: the copy, and the rest of the slot.
    ///
    /// # Safety
    ///
    /// `raw` is aligned and valid for reading `count` values, which others may write at the same
    /// time.
    #[inline]
    pub(crate) unsafe fn fill(
        &mut self,
        raw: *const i64,
        count: usize,
    ) -> Option<(&[i64], &mut [i64])> {
        // SAFETY: By the type's invariants.
        let words = unsafe { slice::from_raw_parts_mut(self.0.as_ptr(), WORDS) };
        let (copy, rest) = words.split_at_mut_checked(count)?;
        for (i, word) in copy.iter_mut().enumerate() {
            // SAFETY: `i < count`. Memory of a BPF map can change under us: a volatile read takes
            // one value and keeps it.
            *word = unsafe { raw.add(i).read_volatile() };
        }
        Some((copy, rest))
    }
}

impl Drop for Slot {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: The slot was taken at this level of this CPU: the value is not sent elsewhere,
        // and preemption is off.
        unsafe { shim::kinfer_scratch_put() };
    }
}
