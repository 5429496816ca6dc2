//! The kernel's user-space interface as bytes: what `/dev/kinfer` and `kinfer_decide` exchange.
//!
//! The same structures as `kinfer-kmod/include/uapi/linux/kinfer.h`, in the machine's own byte order, for the module and
//! for programs alike. `kinfer-agent/tests/uapi.rs` compiles the header with a C compiler and compares every size, offset
//! and request number with these.
//!
//! Knows nothing of files, pointers or system calls: addresses are plain `u64`.

use fixed::types::I32F32;

use crate::decision::{Decision, Flags};

/// Value of [`Info::abi`] that these structures describe.
pub const ABI: u32 = 1;

/// Where the misc device appears.
pub const DEVICE: &str = "/dev/kinfer";

/// `_IOW('k', 1, struct kinfer_load)`: verify a model and put it in place; needs `CAP_SYS_ADMIN`.
///
/// When refused, `pread(2)` from offset 0 of the same open file gives the sentence that says why.
pub const IOC_LOAD: u32 = ioc(WRITE, 1, Load::SIZE);
/// `_IOWR('k', 2, struct kinfer_decide)`: one decision.
pub const IOC_DECIDE: u32 = ioc(READ | WRITE, 2, Decide::SIZE);
/// `_IOR('k', 3, struct kinfer_info)`: what is loaded, and counts since the module was loaded.
pub const IOC_INFO: u32 = ioc(READ, 3, Info::SIZE);
/// `_IOWR('k', 4, struct kinfer_measure)`: the time of one decision; needs `CAP_SYS_ADMIN`.
pub const IOC_MEASURE: u32 = ioc(READ | WRITE, 4, Measure::SIZE);
/// `_IO('k', 5)`: withdraw the model in place; needs `CAP_SYS_ADMIN`.
pub const IOC_UNLOAD: u32 = ioc(NONE, 5, 0);

const NONE: u32 = 0;
const WRITE: u32 = 1;
const READ: u32 = 2;

/// `_IOC` of `asm-generic/ioctl.h` (x86, arm64, riscv, s390, loongarch): direction 2 bits, size 14, type 8, number 8.
const fn ioc(direction: u32, number: u32, size: usize) -> u32 {
    (direction << 30) | ((size as u32 & 0x3fff) << 16) | ((b'k' as u32) << 8) | number
}

record! {
    /// `struct kinfer_decision`: a decision in plain integers.
    DecisionRecord {
        /// Index of the outcome chosen.
        outcome: u32,
        /// Bits of [`Flags`].
        flags: u32,
        /// Score of that outcome: the bits of an `I32F32`.
        value: i64,
        /// Distance to the runner-up or the threshold: the bits of an `I32F32`.
        margin: i64,
    }
}

impl From<Decision> for DecisionRecord {
    fn from(decision: Decision) -> Self {
        let Decision { class, value, margin, flags } = decision;
        Self { outcome: class, flags: flags.bits(), value: value.to_bits(), margin: margin.to_bits() }
    }
}

impl From<DecisionRecord> for Decision {
    fn from(record: DecisionRecord) -> Self {
        let DecisionRecord { outcome, flags, value, margin } = record;
        Self {
            class: outcome,
            value: I32F32::from_bits(value),
            margin: I32F32::from_bits(margin),
            flags: Flags::from_bits(flags),
        }
    }
}

record! {
    /// `struct kinfer_load`: argument of [`IOC_LOAD`].
    Load {
        /// User address of the model file's bytes.
        addr: u64,
        /// Number of bytes.
        len: u32,
        /// Decision point, must be 0.
        point: u32,
    }
}

record! {
    /// `struct kinfer_decide`: argument of [`IOC_DECIDE`].
    Decide {
        /// User address of `count` counters (`i64`) in schema order.
        raw: u64,
        /// Number of counters, must equal [`Info::inputs`].
        count: u32,
        /// Decision point, must be 0.
        point: u32,
        /// The kernel's answer.
        decision: DecisionRecord,
    }
}

record! {
    /// `struct kinfer_info`: answer of [`IOC_INFO`].
    Info {
        /// [`ABI`] of the running module.
        abi: u32,
        /// 1 if a model is in place; else 0, and what describes the model is 0 too.
        loaded: u32,
        /// Counters that the model takes.
        inputs: u32,
        /// Classes that it chooses from.
        outcomes: u32,
        /// Length of the model file.
        model_bytes: u64,
        /// Memory that holds the packed model.
        packed_bytes: u64,
        /// Scratch memory that one decision uses.
        scratch_bytes: u64,
        /// Operations of the costliest decision, as the verifier proved.
        ops: u64,
        /// Models accepted since the module was loaded.
        loads: u64,
        /// Decisions taken by models since then.
        decisions: u64,
        /// Requests since then that no model could answer.
        fallbacks: u64,
        /// CRC-32C of the model file.
        model_crc: u32,
        /// 0.
        reserved: u32,
    }
}

record! {
    /// `struct kinfer_measure`: argument of [`IOC_MEASURE`].
    Measure {
        /// User address of `count` counters (`i64`) in schema order.
        raw: u64,
        /// Number of counters, must equal [`Info::inputs`].
        count: u32,
        /// Decision point, must be 0.
        point: u32,
        /// How often to measure, at least 1.
        rounds: u32,
        /// Must be 0.
        reserved: u32,
        /// Shortest round with one decision, interrupts off.
        decide_ns: u64,
        /// Shortest round with none: the cost of measuring.
        empty_ns: u64,
    }
}

/// Declares a structure of the interface with its bytes; compiling fails where the C layout would have padding.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl $name {
            /// Length in bytes, as `sizeof` in C.
            pub const SIZE: usize = size_of::<Self>();

            /// The structure as it lies in memory in C.
            #[inline]
            pub fn to_bytes(&self) -> [u8; Self::SIZE] {
                let mut bytes = [0; Self::SIZE];
                Field::put(self, &mut bytes);
                bytes
            }

            /// The structure from its bytes; every pattern of bytes is a value.
            #[inline]
            pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
                Field::take(bytes).0
            }
        }

        impl Field for $name {
            #[inline(always)]
            fn put<'a>(&self, bytes: &'a mut [u8]) -> &'a mut [u8] {
                $(let bytes = self.$field.put(bytes);)*
                bytes
            }

            #[inline(always)]
            fn take(bytes: &[u8]) -> (Self, &[u8]) {
                $(let ($field, bytes) = Field::take(bytes);)*
                (Self { $($field,)* }, bytes)
            }
        }

        const _: () = assert!($name::SIZE == 0 $(+ size_of::<$type>())*, "implicit padding");
    };
}
use record;

/// A value with a place in a structure: `put` and `take` use the front of `bytes` and hand back the rest. Inlined, their
/// offsets are constants.
trait Field: Sized {
    fn put<'a>(&self, bytes: &'a mut [u8]) -> &'a mut [u8];
    fn take(bytes: &[u8]) -> (Self, &[u8]);
}

macro_rules! integer_field {
    ($($type:ty)*) => {$(
        impl Field for $type {
            #[inline(always)]
            fn put<'a>(&self, bytes: &'a mut [u8]) -> &'a mut [u8] {
                match bytes.split_first_chunk_mut() {
                    Some((front, rest)) => {
                        *front = self.to_ne_bytes();
                        rest
                    }
                    None => &mut [],
                }
            }

            #[inline(always)]
            fn take(bytes: &[u8]) -> (Self, &[u8]) {
                match bytes.split_first_chunk() {
                    Some((front, rest)) => (Self::from_ne_bytes(*front), rest),
                    None => (0, &[]),
                }
            }
        }
    )*};
}

integer_field!(u32 u64 i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_number_holds_direction_size_type_and_number() {
        assert_eq!(IOC_LOAD, 0x4010_6b01);
        assert_eq!(IOC_DECIDE, 0xc028_6b02);
        assert_eq!(IOC_INFO, 0x8050_6b03);
        assert_eq!(IOC_MEASURE, 0xc028_6b04);
        assert_eq!(IOC_UNLOAD, 0x0000_6b05);
    }

    #[test]
    fn a_nested_structure_lies_at_its_offset() {
        let decision = DecisionRecord { outcome: 1, flags: Flags::LOW_MARGIN.bits(), value: -2, margin: i64::MAX };
        let bytes = Decide { raw: 0x1000, count: 3, point: 0, decision }.to_bytes();
        let offset = core::mem::offset_of!(Decide, decision);
        assert_eq!(bytes[offset..], decision.to_bytes());
        assert_eq!(bytes[8..12], 3_u32.to_ne_bytes());
    }

    #[test]
    fn bytes_come_back_unchanged() {
        let bytes: [u8; Info::SIZE] = core::array::from_fn(|i| i as u8);
        assert_eq!(Info::from_bytes(&bytes).to_bytes(), bytes);
        let bytes: [u8; Measure::SIZE] = core::array::from_fn(|i| !(i as u8));
        assert_eq!(Measure::from_bytes(&bytes).to_bytes(), bytes);
    }
}
