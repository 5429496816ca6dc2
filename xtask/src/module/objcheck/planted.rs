//! What the core must not do, one function each: compiled into a copy of it, to see that the object checks refuse
//! them.

#![allow(missing_docs)]

use core::hint::black_box;

extern "C" {
    fn kinfer_nowhere();
}

#[inline(never)]
pub fn float(x: f32) -> f32 {
    x * x
}

#[inline(never)]
pub fn index(table: &[i64], i: usize) -> i64 {
    table[i]
}

/// Its panic is not in `core::panicking`.
#[inline(never)]
pub fn slice(table: &[i64], end: usize) -> &[i64] {
    &table[..end]
}

#[inline(never)]
pub fn overflow(a: i64, b: i64) -> i64 {
    a + b
}

#[inline(never)]
pub fn unexported() {
    unsafe { kinfer_nowhere() }
}

#[inline(never)]
pub fn vector() {
    unsafe { core::arch::asm!("pxor xmm0, xmm0") }
}

#[inline(never)]
pub fn coprocessor() {
    unsafe { core::arch::asm!("fninit") }
}

#[inline(never)]
pub fn array() -> u8 {
    black_box([1u8; 600]).iter().fold(0, |sum, &byte| sum ^ byte)
}

#[inline(never)]
pub fn page() -> u8 {
    black_box([1u8; 4096]).iter().fold(0, |sum, &byte| sum ^ byte)
}

#[inline(never)]
pub fn recursion(n: u64) -> u64 {
    match n.checked_sub(1) {
        Some(less) => black_box(recursion(less)).wrapping_add(1),
        None => 0,
    }
}

#[inline(never)]
pub fn pointer(call: fn(u64) -> u64) -> u64 {
    black_box(call(1))
}

#[inline(never)]
pub fn panic_below(table: &[i64]) -> i64 {
    black_box(index(table, 3))
}

#[inline(never)]
pub fn formatting(text: &mut dyn core::fmt::Write) -> bool {
    black_box(core::fmt::write(text, format_args!("{}", 1u8)).is_ok())
}
