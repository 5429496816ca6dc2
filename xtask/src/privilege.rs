//! How commands that need root get it.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{getegid, geteuid};

/// A way to run commands as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    Root,
    Sudo,
}

/// A user and group, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Privilege {
    /// Root, or a sudo that answers; asks for a password if there is a terminal to ask on.
    pub(crate) fn find() -> Option<Self> {
        if geteuid().is_root() {
            return Some(Self::Root);
        }
        let sudo = |arguments: &[&str]| {
            Command::new("sudo")
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        if sudo(&["-n", "true"]) {
            return Some(Self::Sudo);
        }
        let validated = std::io::IsTerminal::is_terminal(&std::io::stdin())
            && Command::new("sudo").arg("-v").status().is_ok_and(|status| status.success());
        if validated {
            // A first run takes longer than sudo remembers a password.
            thread::spawn(move || {
                loop {
                    thread::sleep(Duration::from_secs(60));
                    sudo(&["-n", "-v"]);
                }
            });
        }
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

    /// The user who is to own what builds make, where that is not root.
    pub(crate) fn user(self) -> Option<User> {
        match self {
            Self::Root => None,
            Self::Sudo => Some(User { uid: geteuid().as_raw(), gid: getegid().as_raw() }),
        }
    }
}
