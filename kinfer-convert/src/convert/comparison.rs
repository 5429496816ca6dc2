//! A file beside the float model that it was made from, on data of any kind.

use std::path::Path;

use serde::Serialize;

use super::decisions::{Float, Integer, agreement, errors};
use super::flips;
use super::head::Decided;
use super::layers::{self, LayerNoise};
use super::opened::Opened;
use super::report::{DataReport, QualityReport, RegressionReport};
use super::truth::Truth;
use crate::data::{Column, Data, file_name, has_label};
use crate::engine::UNBOUNDED;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::quality::Flip;

/// What is compared, and on what.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The .kinf file's name.
    pub file: &'a Path,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The float model.
    pub model: &'a Path,
    /// Rows: columns are found by the schema's names.
    pub data: &'a Path,
    /// Column of the truth; else the one that the model's metadata names, where the data has it.
    pub label: Option<&'a str>,
    /// Error of a value that still counts as the same decision.
    pub max_error: Option<f64>,
}

/// How float and integers differ.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The .kinf file's name.
    pub file: String,
    /// The float model's.
    pub source: String,
    /// What float decisions are: of tract, or of the graph as it was read.
    pub reference: &'static str,
    /// Whether the file's provenance names this very model; nothing where it names none.
    pub same_source: Option<bool>,
    /// What decisions were compared on.
    pub evaluation: DataReport,
    /// Names of the classes.
    pub outcomes: Vec<String>,
    /// Share of rows that integers decide as float does: the same class, or a value within the tolerance.
    pub agreement: f64,
    /// Error of a value that still counts as the same decision.
    pub tolerance: Option<f64>,
    /// Rows that they decide otherwise.
    pub differing: usize,
    /// Those with another class, the surest float decision first; 1,000 at most.
    pub flips: Vec<Flip>,
    /// Largest error of the score (of the margin, where the largest or smallest score decides).
    pub largest_score_error: f64,
    /// Mean of it.
    pub mean_score_error: f64,
    /// Rows with a counter outside the calibrated range.
    pub out_of_range: usize,
    /// Figures against the true classes, where the data has a label.
    pub quality: Option<QualityReport>,
    /// The same of a regression.
    pub regression: Option<RegressionReport>,
    /// Every tensor of the file beside the float value that it stands for, on 512 rows.
    pub layers: Vec<LayerNoise>,
}

/// Compares a file with a float model.
///
/// # Errors
///
/// Either cannot be read, they take other features or decide in another way, or the data does not fit them.
pub fn compare(pair: &Pair<'_>, progress: &dyn Progress) -> Result<Comparison> {
    let opened = Opened::open(pair.model)?;
    let file = kinfer::Model::parse(pair.bytes).map_err(Error::Refused)?;
    let (takes, features) = (file.features().len(), opened.features);
    if takes != features {
        return Err(Error::Option {
            what: format!("the file takes {takes} counters, the float model {features} features"),
            advice: "compare a file with the model that it was converted from: `kinfer inspect` shows its provenance"
                .into(),
        });
    }
    let head = Decided::of_file(&opened, &file)?;
    let label = match (pair.label, &opened.metadata.label) {
        (Some(label), _) => Some(label.to_owned()),
        (None, Some(label)) if has_label(pair.data, label)? => Some(label.clone()),
        _ => None,
    };
    let columns: Vec<_> =
        file.features().iter().map(|feature| Column::of_schema(feature.name.as_str(), feature.unit.as_str())).collect();
    let data = Data::read(pair.data, &columns, label.as_deref())?;
    let truth = data.labels.as_ref().map(|labels| Truth::of(labels, &head, &data.path)).transpose()?;

    let reference = opened.reference();
    opened.check_reading(reference.as_ref(), &data)?;
    progress.begin("float reference", data.len());
    let float = Float::new(&opened, reference.as_ref(), &data, &head, pair.max_error, progress)?;
    let integer = Integer::new(pair.bytes, &UNBOUNDED, &data, progress)?;
    let errors = errors(&float, &integer, &head);
    let label = label.unwrap_or_default();
    Ok(Comparison {
        file: file_name(pair.file),
        source: file_name(pair.model),
        reference: opened.reference_name(reference.as_ref()),
        same_source: named_source(file.provenance()).map(|named| named == opened.sha256),
        evaluation: DataReport { file: data.file_name(), rows: data.len() },
        outcomes: head.outcomes.clone(),
        agreement: agreement(&float, &integer, &head),
        tolerance: head.is_value().then_some(float.tolerance),
        differing: errors.differing,
        flips: flips::of(&float, &integer, truth.as_ref(), &head),
        largest_score_error: errors.largest,
        mean_score_error: errors.mean,
        out_of_range: integer.out_of_range(),
        quality: truth.as_ref().and_then(|truth| truth.classification(&float, &integer, &head, &label)),
        regression: truth.as_ref().and_then(|truth| truth.regression(&float, &integer, &label)),
        layers: opened.graph().map_or(vec![], |graph| layers::noise(&file, graph, &data)),
    })
}

/// The hash of the float model, as the file's provenance has it.
fn named_source(provenance: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(provenance);
    text.lines().find_map(|line| line.strip_prefix("source-sha256: ")).map(|hash| hash.trim().to_owned())
}
