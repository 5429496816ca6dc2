//! Files: whole or not at all.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kinfer_convert::{Error, Result};

pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.into(), source })
}

/// Writes beside the target and renames: what was there before stays until the new file is complete.
pub(crate) fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let attempt = || {
        // The umask takes away what it takes from any new file.
        let mut file = tempfile::Builder::new()
            .prefix(".kinfer-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        let mut buffered = std::io::BufWriter::new(&mut file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    attempt().map(drop).map_err(|error| Error::Write { path: path.into(), source: of_system(error) })
}

/// What the system says, without the name of the file beside the target, which is nobody's business.
fn of_system(error: std::io::Error) -> std::io::Error {
    match error.to_string().split_once(" at path ") {
        Some((said, _)) => std::io::Error::new(error.kind(), said),
        None => error,
    }
}
