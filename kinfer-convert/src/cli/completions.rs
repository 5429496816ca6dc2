//! `kinfer completions`.

use clap::Args;
use clap_complete::Shell;
use kinfer_convert::Result;

use super::{Console, EXIT_STATUS};

/// Print the completions of a shell.
#[derive(Args, Debug)]
#[command(after_help = format!(
    "Example: kinfer completions bash > /usr/share/bash-completion/completions/kinfer\n\n{EXIT_STATUS}"
))]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, console: Console, mut command: clap::Command) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "kinfer", &mut script);
        console.print(&String::from_utf8_lossy(&script))
    }
}
