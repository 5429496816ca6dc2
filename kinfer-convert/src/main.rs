//! `kinfer`: what a model author works with. See `kinfer --help`.

#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !kinfer_convert::reference::is_attempting() {
            report(panic);
        }
    }));
    cli::main()
}
