//! `kinfer emit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kinfer::Model;
use kinfer_convert::emit::{Emitter, Files};
use kinfer_convert::{Error, Result};

use super::{Console, EXIT_STATUS, file};

const WRITTEN: &str = "\
C: NAME.h and NAME.c, which need nothing but a compiler, in a kernel module or anywhere else. Rust: NAME.rs, the model as a \
constant for the crate `kinfer`. Both decide with the bits of the engine.";

/// Write a model as source, to be compiled into what uses it.
///
/// Nothing is written unless the verifier accepts the model.
#[derive(Args, Debug)]
#[command(after_help = format!(
    "{WRITTEN}\n\nExample: kinfer emit io-latency.kinf --lang c -o drivers/block\n\n{EXIT_STATUS}"
))]
pub(crate) struct Emit {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    model: PathBuf,
    /// The language
    #[arg(long, value_enum)]
    lang: Language,
    /// Folder to write to, made where it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// What files, functions and types are named after [default: the file's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    C,
    Rust,
}

impl Emit {
    pub(crate) fn run(self, console: Console) -> Result<()> {
        let bytes = file::read(&self.model)?;
        let model = Model::parse(&bytes).map_err(Error::Refused)?;
        let stem = self.model.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = self.name.or(stem).unwrap_or_default();
        let emitter = Emitter::new(model, &name).map_err(Error::Refused)?;
        let files = match self.lang {
            Language::C => {
                let Files { header, source } = emitter.c();
                vec![("h", header), ("c", source)]
            }
            Language::Rust => vec![("rs", emitter.rust())],
        };
        if !self.output.exists() {
            let unwritable = |source| Error::Write { path: self.output.clone(), source };
            std::fs::create_dir(&self.output).map_err(unwritable)?;
        }
        for (extension, text) in files {
            let path = self.output.join(emitter.name()).with_extension(extension);
            file::write_atomically(&path, |out| out.write_all(text.as_bytes()))?;
            console.print(&format!("written {}\n", path.display()))?;
        }
        Ok(())
    }
}
