//! `/dev/kinfer` as a type.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use kinfer::uapi::{ABI, DEVICE, DecisionRecord, Info};
use nix::errno::Errno;

use crate::ioctl;

/// Longest sentence that the device is asked for.
const SENTENCE_BYTES: usize = 4096;

/// An open `/dev/kinfer`.
///
/// The sentence of a refused [`load`](Self::load) belongs to the open file, so two programs never read each other's.
pub struct Device {
    file: File,
}

/// What [`Device::measure`] found; under `-icount` a nanosecond is an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Shortest round with one decision.
    pub decide_ns: u64,
    /// Shortest round with none.
    pub empty_ns: u64,
}

impl Timing {
    /// One decision without the cost of measuring it.
    pub fn decision_ns(&self) -> u64 {
        self.decide_ns.saturating_sub(self.empty_ns)
    }
}

impl Device {
    /// Opens the device of the running kernel.
    pub fn open() -> Result<Self, DeviceError> {
        match OpenOptions::new().read(true).write(true).open(DEVICE) {
            Ok(file) => Ok(Self { file }),
            Err(error) => Err(DeviceError::Open(errno(&error))),
        }
    }

    /// Has the kernel verify `model` and put it in place of the one before. Nothing is checked here.
    pub fn load(&self, model: &[u8]) -> Result<(), DeviceError> {
        ioctl::load(&self.file, model).map_err(|errno| match self.sentence() {
            Ok(sentence) if !sentence.is_empty() => DeviceError::Refused { errno, sentence },
            _ => DeviceError::Request { request: Request::Load, errno },
        })
    }

    /// Why the last `load` of this open file was refused; empty when it was not, or when the kernel never came to look
    /// at the model (no permission, bad address).
    pub fn sentence(&self) -> io::Result<String> {
        let mut text = vec![0; SENTENCE_BYTES];
        let length = self.file.read_at(&mut text, 0)?;
        text.truncate(length);
        Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
    }

    /// Withdraws the model in place: callers are back at their own default.
    pub fn unload(&self) -> Result<(), DeviceError> {
        ioctl::unload(&self.file).map_err(|errno| DeviceError::Request { request: Request::Unload, errno })
    }

    /// What is loaded, and the module's counts.
    pub fn info(&self) -> Result<Info, DeviceError> {
        let info = ioctl::info(&self.file).map_err(|errno| DeviceError::Request { request: Request::Info, errno })?;
        if info.abi != ABI {
            return Err(DeviceError::Abi { module: info.abi });
        }
        Ok(info)
    }

    /// One decision on `raw`, the counters in the order of the model's schema.
    pub fn decide(&self, raw: &[i64]) -> Result<DecisionRecord, DeviceError> {
        ioctl::decide(&self.file, raw).map_err(|errno| self.count_error(Request::Decide, errno, raw))
    }

    /// The time of one decision on `raw`: the shortest of `rounds`, interrupts off.
    pub fn measure(&self, raw: &[i64], rounds: u32) -> Result<Timing, DeviceError> {
        let measure =
            ioctl::measure(&self.file, raw, rounds).map_err(|errno| self.count_error(Request::Measure, errno, raw))?;
        Ok(Timing { decide_ns: measure.decide_ns, empty_ns: measure.empty_ns })
    }

    /// `EINVAL` says only that something did not fit; the model's count tells what.
    fn count_error(&self, request: Request, errno: Errno, raw: &[i64]) -> DeviceError {
        if errno == Errno::EINVAL
            && let Ok(info) = ioctl::info(&self.file)
            && usize::try_from(info.inputs) != Ok(raw.len())
        {
            return DeviceError::Inputs { errno, passed: raw.len(), wants: info.inputs };
        }
        DeviceError::Request { request, errno }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// What was asked of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of the requests
pub enum Request {
    Load,
    Decide,
    Info,
    Measure,
    Unload,
}

/// Why the device did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// The device cannot be opened.
    Open(Errno),
    /// The kernel looked at the model and refused it; the one in place stays.
    Refused {
        /// Its class.
        errno: Errno,
        /// The kernel's own words.
        sentence: String,
    },
    /// The counters are not as many as the model takes.
    Inputs {
        /// The kernel's answer.
        errno: Errno,
        /// Counters passed.
        passed: usize,
        /// Counters that the model in place takes.
        wants: u32,
    },
    /// The module has another interface than this program.
    Abi {
        /// What the module says.
        module: u32,
    },
    /// Any other failed request.
    Request {
        /// The request.
        request: Request,
        /// The kernel's answer.
        errno: Errno,
    },
}

impl DeviceError {
    /// The kernel's error number; `None` when the kernel did answer, but not as this program expects.
    pub fn errno(&self) -> Option<Errno> {
        match *self {
            Self::Open(errno)
            | Self::Refused { errno, .. }
            | Self::Inputs { errno, .. }
            | Self::Request { errno, .. } => Some(errno),
            Self::Abi { .. } => None,
        }
    }
}

impl std::error::Error for DeviceError {}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => {
                write!(f, "{DEVICE} is not there: load the module with `modprobe kinfer`")
            }
            Self::Open(Errno::EACCES | Errno::EPERM) => {
                write!(f, "{DEVICE}: permission denied: run this as root, or with sudo")
            }
            Self::Open(errno) => write!(f, "{DEVICE} cannot be opened: {}", Named(*errno)),
            Self::Refused { errno, sentence } => write!(f, "{sentence} ({errno:?})"),
            Self::Inputs { errno, passed, wants } => {
                write!(f, "{passed} counters were passed, the model in place takes {wants} ({errno:?})")
            }
            Self::Abi { module } => write!(
                f,
                "the kinfer module speaks version {module} of its interface, this program version {ABI}: \
                 install the two from one release"
            ),
            Self::Request { request, errno } => request_error(f, *request, *errno),
        }
    }
}

fn request_error(f: &mut fmt::Formatter<'_>, request: Request, errno: Errno) -> fmt::Result {
    match (request, errno) {
        (_, Errno::EPERM) => write!(f, "{request}: needs CAP_SYS_ADMIN: run this as root, or with sudo (EPERM)"),
        (_, Errno::ENOTTY) => {
            write!(f, "{request}: the kinfer module does not know this request: install a newer one (ENOTTY)")
        }
        (_, Errno::ENOENT) => {
            write!(f, "{request}: no model is in place: load one with `kinferctl load FILE` (ENOENT)")
        }
        _ => write!(f, "{request}: {}", Named(errno)),
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "load",
            Self::Decide => "decide",
            Self::Info => "status",
            Self::Measure => "measure",
            Self::Unload => "unload",
        })
    }
}

/// An error number with its text and its name.
struct Named(Errno);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.0.desc(), self.0)
    }
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do() {
        let text = DeviceError::Open(Errno::ENOENT).to_string();
        assert!(text.contains("modprobe kinfer"), "{text}");
        let text = DeviceError::Open(Errno::EACCES).to_string();
        assert!(text.contains("root"), "{text}");
        let text = DeviceError::Request { request: Request::Decide, errno: Errno::ENOENT }.to_string();
        assert!(text.contains("kinferctl load") && text.contains("ENOENT"), "{text}");
    }

    #[test]
    fn a_refusal_is_the_kernels_sentence_and_its_errno() {
        let sentence = "op 3 (dense): weights end at byte 9216, section data has 8448".to_owned();
        let error = DeviceError::Refused { errno: Errno::EINVAL, sentence: sentence.clone() };
        assert_eq!(error.to_string(), format!("{sentence} (EINVAL)"));
    }
}
