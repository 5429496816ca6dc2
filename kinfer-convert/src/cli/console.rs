//! Standard output and standard error: what is asked for, what is told beside it, and errors.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use kinfer_convert::{Error, Result};

/// How much is told on standard error.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Console {
    /// Tell nothing but errors on standard error: no progress bars, no notes
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell on standard error what is being done
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

impl Console {
    /// What is asked for, on standard output.
    pub(crate) fn print(self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// What a user should know beside it.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// What a user asked to be told.
    pub(crate) fn tell(self, text: &str) {
        if self.verbose {
            eprintln!("{text}");
        }
    }
}

/// A reader that has gone away has seen enough; anything else is a failure.
pub(crate) fn written(done: io::Result<()>) -> Result<()> {
    match done {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// Prints what, where and what to do; the exit status says which kind of failure it was. Drawn on a terminal, plain lines
/// elsewhere.
pub(crate) fn fail(error: Error) -> ExitCode {
    let status = error.exit_status();
    let text = if io::stderr().is_terminal() { format!("{:?}", miette::Report::new(error)) } else { plain(&error) };
    eprintln!("{}", text.trim_end());
    ExitCode::from(status)
}

fn plain(error: &Error) -> String {
    let mut text = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(because) = cause {
        text += &format!(": {because}");
        cause = because.source();
    }
    let help = miette::Diagnostic::help(error).map_or(String::new(), |help| format!("\nhelp: {help}"));
    text + &help
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_error_has_its_cause_on_the_line_and_its_help_below() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error = Error::Read { path: "a.kinf".into(), source };
        assert_eq!(plain(&error), "error: a.kinf: cannot be read: no such file");
        let error = Error::Option { what: "it does not fit".into(), advice: "leave it out".into() };
        assert_eq!(plain(&error), "error: it does not fit\nhelp: leave it out");
    }
}
