//! `kinfer compare`.

use std::path::PathBuf;

use clap::Args;
use kinfer_convert::Result;
use kinfer_convert::convert::{Comparison, Pair, compare};

use super::{Console, EXIT_STATUS, convert, file, watch};

/// Flips that are shown as text; `--json` has more.
const SHOWN: usize = 20;

/// Compare a model file with the float model it was made from: agreement, quality, errors of scores, decisions that turned.
///
/// Columns of the data are found by the schema's names, and divided by its resolutions.
#[derive(Args, Debug)]
#[command(after_help = format!(
    "Example: kinfer compare io-latency.kinf model.onnx --data test.parquet --label slow\n\n{EXIT_STATUS}"
))]
pub(crate) struct Compare {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    file: PathBuf,
    /// The float model that it was converted from
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// Rows to decide: CSV, Parquet, NPY or NPZ
    #[arg(long, value_name = "DATA")]
    data: PathBuf,
    /// Column of the true class or value [default: the metadata's `kinfer.label`, where the data has it]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Error of a value that still counts as the same decision, for a regression [default: 0.5 % of the range of the float
    /// values]
    #[arg(long, value_name = "ERROR", value_parser = convert::error)]
    max_error: Option<f64>,
    /// Print JSON; the fields are in docs/cli.md
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub(crate) fn run(self, console: Console) -> Result<()> {
        let bytes = file::read(&self.file)?;
        let pair = Pair {
            file: &self.file,
            bytes: &bytes,
            model: &self.model,
            data: &self.data,
            label: self.label.as_deref(),
            max_error: self.max_error,
        };
        let bar = watch::Bar::new(console);
        let comparison = compare(&pair, &bar)?;
        drop(bar);
        if comparison.same_source == Some(false) {
            console.note(&format!(
                "note: {} was converted from another file than {}: their hashes differ",
                comparison.file, comparison.source
            ));
        }
        console.print(&if self.json {
            serde_json::to_string_pretty(&comparison).unwrap_or_default() + "\n"
        } else {
            render(&comparison)
        })
    }
}

fn render(comparison: &Comparison) -> String {
    let Comparison { file, source, reference, evaluation, differing, .. } = comparison;
    let mut text = format!("{file} beside {source} ({reference})\n\n");
    let mut line = |name: &str, value: String| text += &format!("{name:<10} {value}\n");
    line("compared", format!("{} rows of {}", evaluation.rows, evaluation.file));
    let within = comparison.tolerance.map_or(String::new(), |tolerance| format!(" within {tolerance}"));
    line("agreement", format!("{:.4} % of decisions{within} ({differing} differ)", 100.0 * comparison.agreement));
    line(
        "scores",
        format!(
            "off by {:.3e} at most, {:.3e} on average",
            comparison.largest_score_error, comparison.mean_score_error
        ),
    );
    line("flagged", format!("{} rows with a counter outside the calibrated range", comparison.out_of_range));
    text += &match (&comparison.quality, &comparison.regression) {
        (Some(quality), _) => format!("\n{}", convert::table(quality, &comparison.outcomes)),
        (None, Some(regression)) => format!("\n{}", convert::errors(regression)),
        (None, None) => "\nno label in the data: nothing is known of accuracy, recall or AUC\n".into(),
    };
    text += &layers(comparison);
    if !comparison.flips.is_empty() {
        text += "\ndecided otherwise, the surest float decision first\n";
        text += &format!(
            "{:>8}  {:<16} {:<16} {:<16} {:>13} {:>14}\n",
            "row", "float", "integer", "truth", "float margin", "integer margin"
        );
    }
    let name = |class: u32| comparison.outcomes.get(class as usize).map_or("", String::as_str);
    for flip in comparison.flips.iter().take(SHOWN) {
        text += &format!(
            "{:>8}  {:<16} {:<16} {:<16} {:>13.6} {:>14.6}\n",
            flip.row,
            name(flip.float),
            name(flip.integer),
            flip.truth.map_or("-", name),
            flip.float_margin,
            flip.integer_margin
        );
    }
    if comparison.flips.len() > SHOWN {
        text += &format!("{:>8}  and {} more: --json lists them\n", "", differing.saturating_sub(SHOWN));
    }
    text
}

/// Signal to noise, tensor by tensor.
fn layers(comparison: &Comparison) -> String {
    let mut text = String::from("\nsignal to noise of each tensor, after the best scale and offset of each element\n");
    for layer in &comparison.layers {
        let ratio = match (&layer.node, layer.signal_to_noise) {
            (None, _) => "-".into(),
            (Some(_), Some(ratio)) => format!("{ratio:.1} dB"),
            (Some(_), None) => "no error".into(),
        };
        let node = layer.node.as_deref().unwrap_or("no float value like it, ranks, or over 256 elements");
        text += &format!("{:>4}  {:<14} {ratio:>10}  {node}\n", layer.tensor, layer.operator);
    }
    text
}
