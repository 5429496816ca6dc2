//! `kinfer convert`.

use std::path::PathBuf;

use clap::Args;
use kinfer_convert::convert::{Activations, Options, QualityReport, RegressionReport, Report, convert};
use kinfer_convert::report::page;
use kinfer_convert::tflite::is_tflite;
use kinfer_convert::{Error, Result};

use super::budget::Budget;
use super::tflite::{Request, TfliteArguments};
use super::{Console, EXIT_STATUS, file, watch};

const DATA: &str = "\
Data are CSV, Parquet, NPY or NPZ. Columns are found by name: the names of `kinfer.features` in the model's metadata_props \
(JSON, [{\"name\": …, \"unit\": …}]) or, without it, all columns but the label, in order; columns of arrays have no names and \
are taken in order. `kinfer.label` names the label's \
column and `kinfer.outcomes` the classes.";

const EXAMPLE: &str = "\
Example: kinfer convert model.onnx --calibrate train.parquet --evaluate test.parquet -o io-latency.kinf";

/// Convert an ONNX model to integers, and compare it with float; or a quantised TensorFlow Lite file with its own integers.
///
/// Nothing is written unless the verifier accepts the result under the kernel's limits.
#[derive(Args, Debug)]
#[command(after_help = format!("{DATA}\n\n{EXAMPLE}\n\n{EXIT_STATUS}"))]
pub(crate) struct Convert {
    /// The trained model, opset 9 or newer, taking raw counters
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// Data that the ranges of all values are taken from: rows like those in training. A TensorFlow Lite file needs none
    #[arg(long, value_name = "DATA")]
    calibrate: Option<PathBuf>,
    /// Data to compare decisions on, unseen in training [default: the calibration data]
    #[arg(long, value_name = "DATA")]
    evaluate: Option<PathBuf>,
    /// Columns of the features, in the model's order [default: the metadata's `kinfer.features`, else all but the label]
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    features: Option<Vec<String>>,
    /// Column of the true class, or of the target [default: the metadata's `kinfer.label`]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Class 1 above this output, for a model with one score: a probability where the model ends in Sigmoid [default: the
    /// model's own, else 0]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Types of weights and activations
    #[arg(long, value_enum, default_value = "auto")]
    activations: Activations,
    /// Share of the evaluation rows that must decide as float does: layers get 16 bits until it is reached
    #[arg(long, value_name = "SHARE", value_parser = share)]
    agree: Option<f64>,
    /// Largest error that a value may have, in its own unit, for a model whose one output is a value
    #[arg(long, value_name = "ERROR", value_parser = error)]
    max_error: Option<f64>,
    #[command(flatten)]
    budget: Budget,
    /// The file to write
    #[arg(short, long, value_name = "MODEL.kinf")]
    output: PathBuf,
    /// Write the report as a page: one HTML file, with histograms, errors and costs of the layers
    #[arg(long, value_name = "REPORT.html")]
    report: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tflite: TfliteArguments,
}

impl Convert {
    pub(crate) fn run(self, console: Console) -> Result<()> {
        if is_tflite(&file::read(&self.model)?) {
            let request = Request {
                model: &self.model,
                calibrate: self.calibrate.as_deref(),
                features: self.features.as_deref(),
                label: self.label.as_deref(),
                threshold: self.threshold,
                limits: self.budget.limits(),
                output: &self.output,
                json: self.json,
            };
            return self.tflite.run(&request, console);
        }
        let Some(calibrate) = &self.calibrate else {
            return Err(Error::Option {
                what: "an ONNX model is converted without --calibrate".into(),
                advice: "give rows like those in training: ranges of all values are taken from them".into(),
            });
        };
        let options = Options {
            evaluate: self.evaluate.as_deref(),
            features: self.features.as_deref(),
            label: self.label.as_deref(),
            threshold: self.threshold,
            activations: self.activations,
            agree: self.agree,
            max_error: self.max_error,
            limits: self.budget.limits(),
            ..Options::new(&self.model, calibrate)
        };
        let bar = watch::Bar::new(console);
        let conversion = convert(&options, &bar)?;
        drop(bar);
        file::write_atomically(&self.output, |out| out.write_all(&conversion.bytes))?;
        if let Some(path) = &self.report {
            let page = page(&conversion.report);
            file::write_atomically(path, |out| out.write_all(page.as_bytes()))?;
        }
        let text = if self.json {
            serde_json::to_string_pretty(&conversion.report).unwrap_or_default()
        } else {
            render(&conversion.report) + &format!("written    {}", self.output.display())
        };
        console.print(&format!("{text}\n"))
    }
}

fn share(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("a share is between 0 and 1: 0.999 is 99.9 %".into()) }
}

pub(super) fn error(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if value >= 0.0 && value.is_finite() { Ok(value) } else { Err("an error is not below zero, and finite".into()) }
}

fn render(report: &Report) -> String {
    let mut text = format!("{} -> {}, {} bytes\n\n", report.source, report.precision, report.bytes);
    let mut line = |name: &str, value: String| text += &format!("{name:<10} {value}\n");
    line("calibrated", format!("{} rows of {}", report.calibration.rows, report.calibration.file));
    line("evaluated", format!("{} rows of {}", report.evaluation.rows, report.evaluation.file));
    if let Some(threshold) = &report.threshold {
        let probability = threshold.probability.map_or(String::new(), |p| format!(", probability {p}"));
        line("threshold", format!("score {}{probability}", threshold.score));
    }
    if !report.agreement.is_nan() {
        line("agreement", format!("{:.4} % of decisions ({} differ)", 100.0 * report.agreement, report.differing));
        line(
            "scores",
            format!("off by {:.3e} at most, {:.3e} on average", report.largest_score_error, report.mean_score_error),
        );
    }
    line("flagged", format!("{} rows with a counter outside the calibrated range", report.out_of_range));
    if let Some(quality) = &report.quality {
        text += &format!("\n{}", table(quality, &report.outcomes));
    } else if let Some(regression) = &report.regression {
        text += &format!("\n{}", errors(regression));
    } else if !report.agreement.is_nan() {
        text += "\nno label in the data: nothing is known of accuracy, recall or AUC\n";
    }
    if report.steps.len() > 1 {
        text += "\ntried\n";
        for step in &report.steps {
            let agreement = step.agreement.map_or("refused".into(), |share| format!("{:.4} %", 100.0 * share));
            let taken = if step.taken { '*' } else { ' ' };
            text += &format!(
                "{taken} {agreement:>10} {:>8} operations {:>8} bytes  {}\n",
                step.operations, step.bytes, step.what
            );
        }
    }
    let verifier = &report.verifier;
    text += &format!(
        "\nverified   {} inputs, {} operations, {} bytes packed, {} bytes of scratch\n",
        verifier.inputs, verifier.operations, verifier.packed_bytes, verifier.scratch_bytes
    );
    for warning in &report.warnings {
        text += &format!("warning    {warning}\n");
    }
    text
}

/// Errors of values in float and integers, side by side.
pub(super) fn errors(report: &RegressionReport) -> String {
    let (float, integer) = (&report.float, &report.integer);
    let row = |name: &str, float: f64, integer: f64| format!("{name:<28}{float:>13.6}{integer:>13.6}\n");
    let mut text = format!("{:<28}{:>13}{:>13}\n", "", "float", "integer");
    text += &row("mean absolute error", float.mae, integer.mae);
    text += &row("root mean square error", float.rmse, integer.rmse);
    if let (Some(float), Some(integer)) = (float.r2, integer.r2) {
        text += &row("R2", float, integer);
    }
    text
}

/// Float and integer side by side.
pub(super) fn table(quality: &QualityReport, outcomes: &[String]) -> String {
    let row = |name: &str, float: Option<f64>, integer: Option<f64>| {
        let figure = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.4}"));
        format!("{name:<28}{:>9}{:>9}\n", figure(float), figure(integer))
    };
    let (float, integer) = (&quality.float, &quality.integer);
    let mut text = format!("{:<28}{:>9}{:>9}\n", "", "float", "integer");
    text += &row("accuracy", Some(float.accuracy), Some(integer.accuracy));
    text += &row("balanced accuracy", Some(float.balanced_accuracy), Some(integer.balanced_accuracy));
    for (class, outcome) in outcomes.iter().enumerate() {
        let of = |figures: &[Option<f64>]| figures.get(class).copied().flatten();
        text += &row(&format!("recall of {outcome}"), of(&float.recall), of(&integer.recall));
        text += &row(&format!("precision of {outcome}"), of(&float.precision), of(&integer.precision));
    }
    if float.auc.is_some() || integer.auc.is_some() {
        text += &row("AUC", float.auc, integer.auc);
    }
    text + &format!("base rate {:.4}: accuracy of always saying {}\n", quality.base_rate, quality.commonest)
}
