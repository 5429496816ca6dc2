//! The core behind a C interface, compiled as the module is, for a program in user space that measures it.
//!
//! Every pointer comes from `benches/harness/`, which passes whole buffers of the sizes that [`kinfer_bench_size`] told.

#![no_std]
#![allow(missing_docs)]

use core::slice::{from_raw_parts, from_raw_parts_mut};

use kinfer::{verify, Limits, Model, Packed, Report};

/// A loaded model in memory of the caller.
type Loaded = Packed<&'static mut [i64]>;

/// Bytes and words that a model needs.
#[repr(C)]
pub struct Sizes {
    loaded_bytes: usize,
    packed_words: usize,
    scratch_words: usize,
}

fn proved(bytes: &[u8]) -> Option<(Model<'_>, Report)> {
    let model = Model::parse(bytes).ok()?;
    let report = verify(&model, &Limits::KERNEL).ok()?;
    Some((model, report))
}

/// Whether the file is a model.
#[no_mangle]
pub unsafe extern "C" fn kinfer_bench_size(file: *const u8, len: usize, sizes: *mut Sizes) -> bool {
    // SAFETY: see the head of this file.
    let Some((_, report)) = proved(unsafe { from_raw_parts(file, len) }) else { return false };
    let Report { packed_words, scratch_words, .. } = report;
    // SAFETY: likewise.
    unsafe { sizes.write(Sizes { loaded_bytes: size_of::<Loaded>(), packed_words, scratch_words }) };
    true
}

/// Parses, verifies and packs into `memory` and `loaded`.
#[no_mangle]
pub unsafe extern "C" fn kinfer_bench_load(
    file: *const u8,
    len: usize,
    memory: *mut i64,
    words: usize,
    loaded: *mut Loaded,
) -> bool {
    // SAFETY: see the head of this file.
    let Some((model, report)) = proved(unsafe { from_raw_parts(file, len) }) else { return false };
    // SAFETY: likewise; nothing else uses the memory while the model is loaded.
    let memory: &'static mut [i64] = unsafe { from_raw_parts_mut(memory, words) };
    let Ok(packed) = Packed::new(&model, &report, memory) else { return false };
    // SAFETY: likewise.
    unsafe { loaded.write(packed) };
    true
}

/// The network alone: quantised inputs to quantised scores, which stay valid until `scratch` is written.
#[no_mangle]
pub unsafe extern "C" fn kinfer_bench_infer(
    loaded: *const Loaded,
    scratch: *mut i64,
    words: usize,
    inputs: *const i32,
    count: usize,
) -> *const i32 {
    // SAFETY: see the head of this file.
    let (loaded, scratch, inputs) =
        unsafe { (&*loaded, from_raw_parts_mut(scratch, words), from_raw_parts(inputs, count)) };
    loaded.infer(scratch, &mut [], inputs).as_ptr()
}

/// The whole decision: raw counters to a class.
#[no_mangle]
pub unsafe extern "C" fn kinfer_bench_decide(
    loaded: *const Loaded,
    scratch: *mut i64,
    words: usize,
    raw: *const i64,
    count: usize,
) -> u32 {
    // SAFETY: see the head of this file.
    let (loaded, scratch, raw) = unsafe { (&*loaded, from_raw_parts_mut(scratch, words), from_raw_parts(raw, count)) };
    loaded.decide(scratch, raw).class
}
