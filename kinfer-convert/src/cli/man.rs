//! `kinfer man`.

use std::path::PathBuf;

use clap::Args;
use kinfer_convert::{Error, Result};

use super::{Console, EXIT_STATUS};

/// Write the manual pages: kinfer.1, and one a command.
#[derive(Args, Debug)]
#[command(after_help = format!("Example: kinfer man /usr/local/share/man/man1\n\n{EXIT_STATUS}"))]
pub(crate) struct Man {
    /// Folder to write them into; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self, console: Console, command: clap::Command) -> Result<()> {
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            clap_mangen::generate_to(command, &self.folder)
        };
        write().map_err(|source| Error::Write { path: self.folder.clone(), source })?;
        console.tell(&format!("written {}", self.folder.display()));
        Ok(())
    }
}
