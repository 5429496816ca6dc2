//! A file, and data where there is any, into the contents of a `.kinf` file.

use std::path::Path;

use fixed::types::I32F32;
use kinfer::Limits;
use kinfer::format::{HeadKind, NAME_SIZE};

use super::{Network, Rounding, read};
use crate::data::{Column, Data, columns, file_name};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::kinf::ModelSpec;

/// What to convert, and how.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// How the interpreter that is to be matched rounds.
    pub rounding: Rounding,
    /// Real size of one unit of the counters, for an input of float32; 1 where nothing is said.
    pub resolution: Option<f64>,
    /// Data that the schema takes names and ranges from. Without it features are called after the model's input, and their range is that
    /// of its type. Nothing else depends on it.
    pub calibrate: Option<&'a Path>,
    /// Columns of the data that are the features, in the order of the input's elements; else all but the label.
    pub features: Option<&'a [String]>,
    /// Column of the data that is no feature.
    pub label: Option<&'a str>,
    /// Threshold of a model with one score, in its real units: class 1 above it. Without it the score is the decision's value.
    pub threshold: Option<f64>,
    /// Names of the classes, in order.
    pub outcomes: Option<&'a [String]>,
    /// What the model may cost.
    pub limits: Limits,
}

/// Reads the file at `path` and makes the contents of a `.kinf` file of it, which the verifier accepts within the limits.
///
/// # Errors
///
/// A file cannot be read, the model or the data cannot be used, an option does not fit, or the verifier refuses the model, with the
/// sentence that the kernel gives.
pub fn convert(path: &Path, options: &Options<'_>) -> Result<(ModelSpec, Network)> {
    let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
    let mut network = read(&bytes, options.rounding)?;
    if let Some(resolution) = options.resolution {
        network.set_resolution(resolution)?;
    }
    let mut spec = network.model_spec();
    if let Some(data) = options.calibrate {
        observe(&mut spec, data, options, network.resolution())?;
    }
    if let Some(threshold) = options.threshold {
        spec.head.kind = HeadKind::Threshold(fixed_threshold(threshold, network.outputs())?);
        spec.outcomes = vec!["0".into(), "1".into()];
    }
    if let Some(names) = options.outcomes {
        spec.outcomes = outcomes(names, spec.outcomes.len())?;
    }
    spec.provenance = provenance(path, options);
    let engine = Engine::load_within(&spec.to_bytes(), &options.limits)?;
    network.check_interpreters(&engine.report)?;
    Ok((spec, network))
}

/// Names and ranges of the data's columns, whose cells are counters times `resolution`.
fn observe(spec: &mut ModelSpec, path: &Path, options: &Options<'_>, resolution: f64) -> Result<()> {
    let names: Vec<_> = match options.features {
        Some(names) => names.to_vec(),
        None => columns(path)?.into_iter().filter(|name| Some(name.as_str()) != options.label).collect(),
    };
    if names.len() != spec.features.len() {
        return option(
            format!(
                "{} has {} columns of features, the model takes {}",
                file_name(path),
                names.len(),
                spec.features.len()
            ),
            "give data with one column an element of the model's input, in order, and the label's column (--label)",
        );
    }
    if let Some(name) = names.iter().find(|name| !fits_field(name, NAME_SIZE)) {
        return option(
            format!("column `{name}` cannot name a feature"),
            "names are printable ASCII, at most 48 characters",
        );
    }
    let column = |name: &String| Column { name: name.clone(), resolution: Some(resolution) };
    let data = Data::read(path, &names.iter().map(column).collect::<Vec<_>>(), None)?;
    for (index, (feature, name)) in spec.features.iter_mut().zip(names).enumerate() {
        feature.name = name;
        (feature.lo, feature.hi) = data.range(index);
    }
    Ok(())
}

fn fixed_threshold(threshold: f64, scores: usize) -> Result<I32F32> {
    match I32F32::checked_from_num(threshold) {
        Some(threshold) if scores == 1 => Ok(threshold),
        Some(_) => option(
            format!("--threshold does not fit a model with {scores} scores"),
            "the largest score decides; leave the option out",
        ),
        None => option(format!("threshold {threshold} is outside I32F32"), "it is below 2^31 in magnitude"),
    }
}

fn outcomes(names: &[String], classes: usize) -> Result<Vec<String>> {
    if names.len() != classes {
        return option(
            format!("{} outcomes are named, the model has {classes}", names.len()),
            "give one name a class, in order",
        );
    }
    match names.iter().find(|name| !fits_field(name, NAME_SIZE)) {
        Some(name) => {
            option(format!("`{name}` cannot name an outcome"), "names are printable ASCII, at most 48 characters")
        }
        None => Ok(names.to_vec()),
    }
}

fn provenance(path: &Path, options: &Options<'_>) -> Vec<(String, String)> {
    let rounding = match options.rounding {
        Rounding::Single => "single",
        Rounding::Double => "double",
        Rounding::Litert => "litert",
    };
    let ranges = options.calibrate.map_or("the input's type".into(), file_name);
    let lines = [
        ("source", file_name(path)),
        ("converter", format!("kinfer-convert {}", env!("CARGO_PKG_VERSION"))),
        ("quantisation", "the source's own".into()),
        ("rounding", rounding.into()),
        ("ranges", ranges),
    ];
    lines.map(|(key, value)| (key.to_owned(), value)).to_vec()
}

fn fits_field(name: &str, size: usize) -> bool {
    !name.is_empty() && name.len() <= size && name.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn option<T>(what: String, advice: &str) -> Result<T> {
    Err(Error::Option { what, advice: advice.into() })
}
