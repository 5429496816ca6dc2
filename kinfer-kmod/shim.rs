// SPDX-License-Identifier: GPL-2.0

//! Declarations of the C parts, as in `kinfer_shim.h`.

use kernel::ffi::c_int;

extern "C" {
    pub(crate) fn kinfer_scratch_init(words: usize) -> c_int;
    pub(crate) fn kinfer_scratch_exit();
    pub(crate) fn kinfer_scratch_get() -> *mut i64;
    pub(crate) fn kinfer_scratch_put();

    pub(crate) fn kinfer_count_decision();
    pub(crate) fn kinfer_count_fallback();
    pub(crate) fn kinfer_counters_read(decisions: *mut u64, fallbacks: *mut u64);

    pub(crate) fn kinfer_kfunc_init() -> c_int;

    pub(crate) fn kinfer_measure(
        raw: *const i64,
        count: usize,
        rounds: u32,
        decide_ns: *mut u64,
        empty_ns: *mut u64,
    ) -> c_int;
}
