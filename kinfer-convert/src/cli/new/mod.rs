//! `kinfer new`.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kinfer_convert::{Error, Result};

use super::{Console, EXIT_STATUS};

/// Make a model folder: training script, pinned requirements, data and model card, and how to go on.
///
/// The script trains on a CSV or Parquet file, exports ONNX with the metadata that kinfer reads, checks the export against ONNX
/// Runtime and prints the command that converts it.
#[derive(Args, Debug)]
#[command(after_help = format!("Example: kinfer new io-latency --library lightgbm\n\n{EXIT_STATUS}"))]
pub(crate) struct New {
    /// Folder to make; its last part names the model
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What to train with
    #[arg(long, value_enum, default_value = "sklearn")]
    library: Library,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Library {
    /// scikit-learn: a small network
    Sklearn,
    /// LightGBM: boosted trees
    Lightgbm,
    /// XGBoost: boosted trees
    Xgboost,
    /// PyTorch: a small network
    Pytorch,
    /// Keras on PyTorch: a small network
    Keras,
}

impl Library {
    fn name(self) -> &'static str {
        match self {
            Self::Sklearn => "scikit-learn",
            Self::Lightgbm => "LightGBM",
            Self::Xgboost => "XGBoost",
            Self::Pytorch => "PyTorch",
            Self::Keras => "Keras",
        }
    }

    /// `train.py` and `requirements.txt`.
    fn files(self) -> (&'static str, &'static str) {
        macro_rules! files {
            ($name:literal) => {
                (
                    include_str!(concat!("templates/", $name, ".py")),
                    include_str!(concat!("templates/requirements/", $name, ".txt")),
                )
            };
        }
        match self {
            Self::Sklearn => files!("sklearn"),
            Self::Lightgbm => files!("lightgbm"),
            Self::Xgboost => files!("xgboost"),
            Self::Pytorch => files!("pytorch"),
            Self::Keras => files!("keras"),
        }
    }
}

impl New {
    pub(crate) fn run(self, console: Console) -> Result<()> {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || !name.chars().all(fits) {
            return Err(Error::Option {
                what: format!("`{name}` cannot name a model"),
                advice: "use letters, digits, `-`, `_` and `.`".into(),
            });
        }
        let (train, requirements) = self.library.files();
        let fill = |text: &str| text.replace("NAME", &name).replace("LIBRARY", self.library.name());
        let files = [
            ("README.md", fill(include_str!("templates/README.md"))),
            ("CARD.md", fill(include_str!("templates/CARD.md"))),
            ("train.py", fill(train)),
            ("prepare.py", include_str!("templates/prepare.py").to_owned()),
            ("requirements.txt", requirements.to_owned()),
        ];
        // Never into what is there: the folder is made, or nothing is.
        let make = || -> io::Result<()> {
            std::fs::create_dir(&self.folder)?;
            files.iter().try_for_each(|(file, text)| std::fs::write(self.folder.join(file), text))
        };
        make().map_err(|source| Error::Write { path: self.folder.clone(), source })?;
        console.note(&format!("made {}: its README.md says how to go on", self.folder.display()));
        Ok(())
    }
}
