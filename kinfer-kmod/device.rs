// SPDX-License-Identifier: GPL-2.0

//! `/dev/kinfer`, as `include/uapi/linux/kinfer.h` describes it.

use core::fmt::{
    self,
    Write, //
};
use kernel::{
    bindings,
    error::to_result,
    ffi::c_int,
    fs::{
        File,
        Kiocb, //
    },
    iov::IovIterDest,
    miscdevice::{
        MiscDevice,
        MiscDeviceRegistration, //
    },
    new_mutex,
    prelude::*,
    sync::{
        rcu,
        Mutex, //
    },
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader, //
    },
};
use kinfer::{
    format::MAX_FEATURES,
    uapi,
    Kind,
    Limits, //
};

use crate::{
    decide::decide,
    registry::{
        self,
        Refusal, //
    },
    shim, //
};

/// What an open file remembers: why its last load was refused.
#[pin_data]
pub(crate) struct OpenFile {
    #[pin]
    refusal: Mutex<Sentence>,
}

#[vtable]
impl MiscDevice for OpenFile {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Self::Ptr> {
        let file = try_pin_init!(Self {
            refusal <- new_mutex!(Sentence::EMPTY),
        });
        KBox::try_pin_init(file, GFP_KERNEL)
    }

    fn read_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let me = kiocb.file();
        let refusal = me.refusal.lock();
        iov.simple_read_from_buffer(kiocb.ki_pos_mut(), refusal.as_bytes())
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = UserPtr::from_addr(arg);
        match cmd {
            uapi::IOC_LOAD => me.load(arg),
            uapi::IOC_DECIDE => decide_ioctl(arg),
            uapi::IOC_INFO => info(arg),
            uapi::IOC_MEASURE => measure(arg),
            uapi::IOC_UNLOAD => require_admin().and_then(|()| registry::unload()),
            _ => Err(ENOTTY),
        }
        .map(|()| 0)
    }
}

impl OpenFile {
    fn load(&self, arg: UserPtr) -> Result {
        self.refusal.lock().clear();
        require_admin()?;
        let load = uapi::Load::from_bytes(&read(&mut user(arg, uapi::Load::SIZE).reader())?);
        load_from_user(&load).map_err(|refusal| match refusal {
            Refusal::Kernel(error) => error,
            Refusal::Model(error) => {
                let mut sentence = self.refusal.lock();
                sentence.clear();
                // What is too long is cut, so that this does not fail.
                let _ = write!(sentence, "{error}");
                errno(error.kind())
            }
        })
    }
}

fn load_from_user(load: &uapi::Load) -> Result<(), Refusal> {
    require_point_0(load.point)?;
    let length = load.len as usize;
    Limits::KERNEL.check_file(length)?;
    let mut file = KVVec::with_capacity(length, GFP_KERNEL).map_err(Error::from)?;
    user(address(load.addr)?, length).read_all(&mut file, GFP_KERNEL)?;
    registry::load(&file)
}

/// The one place where a refusal of the core becomes an error number.
fn errno(kind: Kind) -> Error {
    match kind {
        Kind::Malformed | Kind::Mismatch => EINVAL,
        Kind::Unsupported => Error::from_errno(-(bindings::EOPNOTSUPP as c_int)),
        Kind::OverBudget => E2BIG,
    }
}

fn decide_ioctl(arg: UserPtr) -> Result {
    let (mut reader, mut writer) = user(arg, uapi::Decide::SIZE).reader_writer();
    let mut request = uapi::Decide::from_bytes(&read(&mut reader)?);
    require_point_0(request.point)?;
    let raw = read_raw(request.raw, request.count)?;
    let (decision, result) = decide(&raw);
    request.decision = decision;
    writer.write_slice(&request.to_bytes())?;
    result
}

fn measure(arg: UserPtr) -> Result {
    require_admin()?;
    let (mut reader, mut writer) = user(arg, uapi::Measure::SIZE).reader_writer();
    let mut request = uapi::Measure::from_bytes(&read(&mut reader)?);
    require_point_0(request.point)?;
    if request.rounds == 0 || request.reserved != 0 {
        return Err(EINVAL);
    }
    let raw = read_raw(request.raw, request.count)?;
    // SAFETY: The vector holds that many values, and the results are valid for writing.
    to_result(unsafe {
        shim::kinfer_measure(
            raw.as_ptr(),
            raw.len(),
            request.rounds,
            &mut request.decide_ns,
            &mut request.empty_ns,
        )
    })?;
    writer.write_slice(&request.to_bytes())
}

fn info(arg: UserPtr) -> Result {
    let mut info = uapi::Info {
        abi: uapi::ABI,
        loads: registry::loads(),
        ..Default::default()
    };
    // SAFETY: Both are valid for writing.
    unsafe { shim::kinfer_counters_read(&mut info.decisions, &mut info.fallbacks) };
    let rcu = rcu::read_lock();
    if let Some(loaded) = registry::current(&rcu) {
        info.loaded = 1;
        info.inputs = loaded.packed.inputs() as u32;
        info.outcomes = loaded.facts.outcomes as u32;
        info.model_bytes = loaded.facts.file_bytes as u64;
        info.packed_bytes = loaded.facts.packed_bytes as u64;
        info.scratch_bytes = loaded.packed.scratch_words() as u64 * size_of::<i64>() as u64;
        info.ops = loaded.facts.operations;
        info.model_crc = loaded.facts.checksum;
    }
    drop(rcu);
    user(arg, uapi::Info::SIZE)
        .writer()
        .write_slice(&info.to_bytes())
}

fn require_admin() -> Result {
    // SAFETY: No requirements.
    if unsafe { bindings::capable(bindings::CAP_SYS_ADMIN as _) } {
        Ok(())
    } else {
        Err(EPERM)
    }
}

/// Decision points are numbered from 0; this release has one.
fn require_point_0(point: u32) -> Result {
    if point == 0 {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

fn address(addr: u64) -> Result<UserPtr> {
    Ok(UserPtr::from_addr(usize::try_from(addr)?))
}

fn user(addr: UserPtr, length: usize) -> UserSlice {
    UserSlice::new(addr, length)
}

fn read<const SIZE: usize>(reader: &mut UserSliceReader) -> Result<[u8; SIZE]> {
    let mut bytes = [0; SIZE];
    reader.read_slice(&mut bytes)?;
    Ok(bytes)
}

/// Counters from user space. No model takes more than [`MAX_FEATURES`].
fn read_raw(addr: u64, count: u32) -> Result<KVec<i64>> {
    let count = count as usize;
    if count > MAX_FEATURES {
        return Err(EINVAL);
    }
    let mut raw = KVec::with_capacity(count, GFP_KERNEL)?;
    let mut reader = user(address(addr)?, count * size_of::<i64>()).reader();
    for _ in 0..count {
        raw.push(i64::from_ne_bytes(read(&mut reader)?), GFP_KERNEL)?;
    }
    Ok(raw)
}

/// A short text. What does not fit is cut off.
///
/// # Invariants
///
/// `length` is at most the length of `bytes`.
struct Sentence {
    bytes: [u8; 240],
    length: usize,
}

impl Sentence {
    const EMPTY: Self = Self {
        bytes: [0; 240],
        length: 0,
    };

    fn clear(&mut self) {
        // INVARIANT: 0 is in bounds.
        self.length = 0;
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Write for Sentence {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (slot, byte) in self.bytes.iter_mut().skip(self.length).zip(text.bytes()) {
            *slot = byte;
            // INVARIANT: There was a slot at `length`.
            self.length += 1;
        }
        Ok(())
    }
}
