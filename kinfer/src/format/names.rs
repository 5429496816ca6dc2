//! Names and units in records: printable ASCII, padded with zero bytes.

use core::fmt;

use crate::error::Problem;

/// Bytes of a name field: of a feature or an outcome.
pub const NAME_SIZE: usize = 48;
/// Bytes of a unit field.
pub const UNIT_SIZE: usize = 16;

/// A checked name or unit, borrowed from the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    /// The text up to the first zero byte: 1 to `field.len()` printable ASCII characters, zero bytes after it.
    #[cfg_attr(kinfer_module, optimize(size))]
    pub(super) fn parse(field: &'a [u8]) -> Result<Self, Problem> {
        let length = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        let (text, padding) = field.split_at_checked(length).ok_or(Problem::Name)?;
        let printable = !text.is_empty() && text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        if !printable || padding.iter().any(|&byte| byte != 0) {
            return Err(Problem::Name);
        }
        core::str::from_utf8(text).map(Self).map_err(|_| Problem::Name)
    }

    /// The text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}
