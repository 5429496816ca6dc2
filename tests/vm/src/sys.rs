//! System calls that no well-behaved program makes: wrong addresses, wrong requests, dropped capabilities. All of this
//! crate's `unsafe`.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::thread;

use anyhow::{Result, anyhow};
use kinfer::uapi::DEVICE;
use nix::errno::Errno;

/// Addresses that are no process's: the zero page, the last user page, a hole of the address space, kernel memory.
pub(crate) const NOWHERE: [u64; 4] = [0, 0x7fff_ffff_f000, 0x8000_0000_0000_0000, 0xffff_8880_0000_0000];

/// The device without the type that keeps requests sound.
pub(crate) struct RawDevice(File);

impl RawDevice {
    pub(crate) fn open() -> Result<Self, Errno> {
        let opened = File::options().read(true).write(true).open(DEVICE);
        opened.map(Self).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))
    }

    /// A request whose argument is `argument`, which must be as long as the request says; addresses in it may be wrong.
    pub(crate) fn request<const N: usize>(&self, request: u32, argument: &mut [u8; N]) -> Result<(), Errno> {
        assert_eq!(((request >> 16) & 0x3fff) as usize, N, "the request is of another size");
        // SAFETY: the kernel reads and writes the N bytes of `argument`. What it reads through addresses in them it
        // never writes.
        Errno::result(unsafe { libc::ioctl(self.0.as_raw_fd(), request.into(), argument.as_mut_ptr()) }).map(drop)
    }

    /// A request whose argument is one of [`NOWHERE`]'s addresses.
    pub(crate) fn request_nowhere(&self, request: u32, place: usize) -> Result<(), Errno> {
        // SAFETY: nothing of this process is at these addresses.
        Errno::result(unsafe { libc::ioctl(self.0.as_raw_fd(), request.into(), NOWHERE[place]) }).map(drop)
    }
}

/// Runs `act` in a thread that has lost `CAP_SYS_ADMIN` and nothing else.
pub(crate) fn without_sys_admin<T: Send>(act: impl FnOnce() -> T + Send) -> Result<T> {
    in_thread(drop_sys_admin, act)
}

/// Runs `act` in a thread that is nobody's: user and group 65534, no capability.
pub(crate) fn as_nobody<T: Send>(act: impl FnOnce() -> T + Send) -> Result<T> {
    in_thread(become_nobody, act)
}

/// Credentials are a thread's own in the kernel; it is libc that keeps those of a process alike, and it is not asked.
fn in_thread<T: Send>(change: fn() -> nix::Result<()>, act: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            change()?;
            Ok(act())
        });
        thread.join().map_err(|_| anyhow!("the thread panicked"))?
    })
}

fn drop_sys_admin() -> nix::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    const CAP_SYS_ADMIN: u32 = 21;
    let mut header = [VERSION_3, 0]; // process 0: this thread
    let mut sets = [0_u32; 6]; // effective, permitted, inheritable; then their upper halves
    // SAFETY: `header` is `struct __user_cap_header_struct` and `sets` two `struct __user_cap_data_struct`.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) })?;
    sets[0] &= !(1 << CAP_SYS_ADMIN);
    sets[1] &= !(1 << CAP_SYS_ADMIN);
    // SAFETY: as above; the kernel only reads `sets`.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_ptr()) }).map(drop)
}

fn become_nobody() -> nix::Result<()> {
    const NOBODY: libc::uid_t = 65534;
    // SAFETY: these calls have no pointers.
    unsafe {
        Errno::result(libc::syscall(libc::SYS_setresgid, NOBODY, NOBODY, NOBODY))?;
        Errno::result(libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY)).map(drop)
    }
}

/// `delete_module(2)` as rmmod calls it: fails at once when the module is in use.
pub(crate) fn remove_module() -> Result<(), Errno> {
    // SAFETY: the name is a C string.
    let removed = unsafe { libc::syscall(libc::SYS_delete_module, c"kinfer".as_ptr(), libc::O_NONBLOCK) };
    Errno::result(removed).map(drop)
}
