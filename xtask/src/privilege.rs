//! How commands that need root get it.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use rustix::process::{getegid, geteuid};

/// A way to run commands as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    Root,
    Sudo,
}

impl Privilege {
    /// Root, or a sudo that answers; asks for a password if there is a terminal to ask on.
    pub(crate) fn find() -> Option<Self> {
        if geteuid().is_root() {
            return Some(Self::Root);
        }
        let sudo = |option: &str| {
            Command::new("sudo")
                .args([option, "true"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        if sudo("-n") {
            return Some(Self::Sudo);
        }
        let validated = std::io::IsTerminal::is_terminal(&std::io::stdin())
            && Command::new("sudo").arg("-v").status().is_ok_and(|status| status.success());
        validated.then_some(Self::Sudo)
    }

    /// A command that runs as root.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        match self {
            Self::Root => Command::new(program),
            Self::Sudo => {
                let mut command = Command::new("sudo");
                command.arg("--").arg(program);
                command
            }
        }
    }

    /// The user whose files the build makes, where that is not root: `uid:gid`.
    pub(crate) fn user(self) -> Option<String> {
        match self {
            Self::Root => None,
            Self::Sudo => Some(format!("{}:{}", geteuid().as_raw(), getegid().as_raw())),
        }
    }
}
