//! The exit statuses of `cargo xtask`, as `--help` lists them.

use std::fmt;
use std::process::ExitCode;

/// The command ends with this status, and the user has been told why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// A step failed.
    pub(crate) const FAILURE: Self = Self(1);
    /// Something must be installed and there is no way to become root.
    pub(crate) const NEEDS_ROOT: Self = Self(3);
    /// The virtual machine itself failed, so that COMMAND has no exit status.
    pub(crate) const MACHINE: Self = Self(125);

    /// The exit status of a command in the virtual machine.
    pub(crate) fn of_guest(status: u8) -> Self {
        Self(status)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit status {}", self.0)
    }
}

impl std::error::Error for Exit {}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.0.into()
    }
}
