//! Features: names, units and resolutions, from the model's metadata and the calibration data.

use std::path::Path;

use kinfer::format::{MAX_FEATURES, NAME_SIZE, SectionKind, UNIT_SIZE};
use kinfer::{Place, Problem};

use super::Options;
use super::opened::Opened;
use crate::data::{Column, Data, Unit, columns, file_name};
use crate::error::{Error, Result};
use crate::onnx::{FeatureInfo, fits_field};

/// Features of which the resolution may not be known.
pub(super) struct Named {
    features: Vec<FeatureInfo>,
    resolutions: Vec<Option<f64>>,
}

/// A feature as the schema has it: its unit says its resolution.
pub(super) struct Features(pub(super) Vec<FeatureInfo>);

/// Names and units from the model's metadata, else names from the calibration data.
pub(super) fn named(opened: &Opened, options: &Options<'_>) -> Result<Named> {
    let wants = opened.features;
    if wants > MAX_FEATURES {
        // What the file's reader would say, before the work that a layer of such width is.
        let problem = Problem::Count { is: wants as u64, max: MAX_FEATURES as u64 };
        return Err(Error::Refused(kinfer::Error { place: Place::Section(SectionKind::Schema), problem }));
    }
    if let Some(features) = &opened.metadata.features {
        if features.len() != wants {
            return Err(Error::Option {
                what: format!("metadata names {} features, the model takes {wants}", features.len()),
                advice: "write `kinfer.features` with one entry an element of the input, in order".into(),
            });
        }
        let known = |feature: &FeatureInfo| {
            let Unit { resolution, name } = Unit::parse(&feature.unit);
            (resolution != 1.0 || name != "1").then_some(resolution)
        };
        let resolutions = features.iter().map(known).collect();
        return Ok(Named { features: features.clone(), resolutions });
    }
    if let Some(names) = options.features {
        if names.len() != wants {
            return Err(Error::Option {
                what: format!("--features names {} columns, the model takes {wants} features", names.len()),
                advice: "name one column an element of the model's input, in order".into(),
            });
        }
        return unnamed(names.to_vec());
    }
    let label = options.label.or(opened.metadata.label.as_deref());
    let names: Vec<_> = columns(options.calibrate)?.into_iter().filter(|name| Some(name.as_str()) != label).collect();
    let problem = |what: String, advice: &str| Err(Error::Option { what, advice: advice.into() });
    if names.len() != wants {
        return problem(
            format!(
                "{} has {} columns beside the label, the model takes {wants} features: {}",
                file_name(options.calibrate),
                names.len(),
                names.join(", ")
            ),
            "name the columns of the features (--features), and the label's column (--label); or name the features in the model's metadata (`kinfer.features`)",
        );
    }
    unnamed(names)
}

/// Features of which nothing but the names is known.
fn unnamed(names: Vec<String>) -> Result<Named> {
    match names.iter().find(|name| !fits_field(name, NAME_SIZE)) {
        Some(name) => Err(Error::Option {
            what: format!("column `{name}` cannot name a feature"),
            advice: "names are printable ASCII, at most 48 characters".into(),
        }),
        None => {
            let features: Vec<_> = names.iter().map(|name| FeatureInfo::named(name)).collect();
            Ok(Named { resolutions: vec![None; features.len()], features })
        }
    }
}

impl Named {
    /// Data with the resolution that fits each column of which none is known.
    pub(super) fn read(&self, path: &Path, label: Option<&str>) -> Result<Data> {
        let names: Vec<_> = self.features.iter().map(|feature| feature.name.clone()).collect();
        Data::read_choosing(path, &names, &self.resolutions, label)
    }

    /// With the resolutions that data were read with.
    pub(super) fn resolved(&self, data: &Data) -> Result<Features> {
        let unit = |(feature, &resolution): (&FeatureInfo, &f64)| {
            let unit = Unit { resolution, name: Unit::parse(&feature.unit).name }.field();
            if unit.len() > UNIT_SIZE {
                return Err(Error::Option {
                    what: format!("unit `{unit}` of feature `{}` does not fit {UNIT_SIZE} characters", feature.name),
                    advice: "give the feature a shorter unit in `kinfer.features`".into(),
                });
            }
            Ok(FeatureInfo { name: feature.name.clone(), unit })
        };
        self.features.iter().zip(&data.resolutions).map(unit).collect::<Result<_>>().map(Features)
    }
}

impl Features {
    /// Data with the schema's resolutions.
    pub(super) fn read(&self, path: &Path, label: Option<&str>) -> Result<Data> {
        let columns: Vec<_> = self.0.iter().map(|feature| Column::of_schema(&feature.name, &feature.unit)).collect();
        Data::read(path, &columns, label)
    }
}

/// The label's column: as asked for, else as the metadata says where the data has it.
pub(super) fn label(opened: &Opened, options: &Options<'_>, evaluated: &Path) -> Result<Option<String>> {
    if let Some(label) = options.label {
        return Ok(Some(label.to_owned()));
    }
    let has = columns(evaluated)?;
    Ok(opened.metadata.label.clone().filter(|label| has.contains(label)))
}
