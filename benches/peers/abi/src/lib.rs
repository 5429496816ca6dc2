//! What a peer of the benchmark is, as in `benches/harness/peer.h`.

use std::ffi::{CStr, c_char, c_void};
use std::path::PathBuf;
use std::slice::from_raw_parts;

/// `struct bench_case`.
#[repr(C)]
pub struct RawCase {
    dir: *const c_char,
    rows: usize,
    inputs: usize,
    outputs: usize,
    quantized: *const i32,
    real: *const f32,
    score_scale: f64,
}

/// A case.
pub struct Case {
    /// Of its files.
    pub dir: PathBuf,
    /// Elements of a row.
    pub inputs: usize,
    /// Scores of a row.
    pub outputs: usize,
    /// Row after row.
    pub quantized: &'static [i32],
    /// The same in real units.
    pub real: &'static [f32],
    /// Real units of one unit of a score.
    pub score_scale: f64,
}

/// An implementation of a case.
pub trait Peer: Sized {
    /// Prepares everything but the call that is timed; else the reason why the case cannot be run.
    fn open(case: &Case) -> Result<Self, String>;
    /// One decision, on row `row`.
    fn run(&mut self, row: usize);
    /// The scores of the last run, in units of kinfer's.
    fn scores(&self, scores: &mut [f64]);
}

/// A peer with what [`peer!`] needs beside it.
pub struct Opened<P> {
    peer: P,
    outputs: usize,
}

/// # Safety
///
/// `case` and `error` are as `peer.h` says, and the rows live as long as the program.
pub unsafe fn open<P: Peer>(case: *const RawCase, error: *mut c_char, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    let case = unsafe {
        let raw = &*case;
        Case {
            dir: PathBuf::from(CStr::from_ptr(raw.dir).to_string_lossy().into_owned()),
            inputs: raw.inputs,
            outputs: raw.outputs,
            quantized: from_raw_parts(raw.quantized, raw.rows * raw.inputs),
            real: from_raw_parts(raw.real, raw.rows * raw.inputs),
            score_scale: raw.score_scale,
        }
    };
    match P::open(&case) {
        Ok(peer) => Box::into_raw(Box::new(Opened { peer, outputs: case.outputs })).cast(),
        Err(why) => {
            let line = why.lines().next().unwrap_or_default().replace(['"', '\\'], "'");
            let bytes = &line.as_bytes()[..line.len().min(size - 1)];
            // SAFETY: the caller's promise; the text and its 0 fit.
            unsafe {
                error.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
                *error.add(bytes.len()) = 0;
            }
            std::ptr::null_mut()
        }
    }
}

/// # Safety
///
/// `peer` is of [`open`].
#[inline]
pub unsafe fn run<P: Peer>(peer: *mut c_void, row: usize) {
    // SAFETY: the caller's promise.
    unsafe { &mut *peer.cast::<Opened<P>>() }.peer.run(row);
}

/// # Safety
///
/// `peer` is of [`open`], and `scores` has room for all.
pub unsafe fn scores<P: Peer>(peer: *mut c_void, scores: *mut f64) {
    // SAFETY: the caller's promise.
    unsafe {
        let Opened { peer, outputs } = &*peer.cast::<Opened<P>>();
        peer.scores(std::slice::from_raw_parts_mut(scores, *outputs));
    }
}

/// Exports the functions of a [`Peer`].
#[macro_export]
macro_rules! peer {
    ($peer:ty) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn peer_open(
            case: *const $crate::RawCase,
            error: *mut std::ffi::c_char,
            size: usize,
        ) -> *mut std::ffi::c_void {
            // SAFETY: as peer.h says.
            unsafe { $crate::open::<$peer>(case, error, size) }
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn peer_run(peer: *mut std::ffi::c_void, row: usize) {
            // SAFETY: as peer.h says.
            unsafe { $crate::run::<$peer>(peer, row) }
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn peer_scores(peer: *mut std::ffi::c_void, scores: *mut f64) {
            // SAFETY: as peer.h says.
            unsafe { $crate::scores::<$peer>(peer, scores) }
        }
    };
}
