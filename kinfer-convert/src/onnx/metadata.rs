//! `kinfer.*` entries of `metadata_props`.

use serde::Deserialize;
use tract_onnx::pb::ModelProto;

use kinfer::format::{NAME_SIZE, UNIT_SIZE};

use super::GraphError;

/// What a model says about its features, its label and its outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `kinfer.features`: raw counters in the order of the input's columns.
    pub features: Option<Vec<FeatureInfo>>,
    /// `kinfer.label`: the data's column that holds the true class.
    pub label: Option<String>,
    /// `kinfer.outcomes`: names of the classes.
    pub outcomes: Option<Vec<String>>,
}

/// A raw counter.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct FeatureInfo {
    /// Name, also of the data's column.
    pub name: String,
    /// Unit; `1` for a plain number.
    #[serde(default = "plain")]
    pub unit: String,
}

fn plain() -> String {
    "1".into()
}

impl FeatureInfo {
    /// A feature of which nothing but the name is known.
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), unit: plain() }
    }
}

impl Metadata {
    pub(super) fn read(model: &ModelProto) -> Result<Self, GraphError> {
        let find = |key: &str| model.metadata_props.iter().find(|entry| entry.key == key).map(|entry| &entry.value[..]);
        let features = match find("kinfer.features") {
            Some(text) => Some(json::<Vec<FeatureInfo>>("kinfer.features", text)?),
            None => None,
        };
        let outcomes = match find("kinfer.outcomes") {
            Some(text) => Some(json::<Vec<String>>("kinfer.outcomes", text)?),
            None => None,
        };
        for feature in features.iter().flatten() {
            check("kinfer.features", &feature.name, NAME_SIZE)?;
            check("kinfer.features", &feature.unit, UNIT_SIZE)?;
        }
        for outcome in outcomes.iter().flatten() {
            check("kinfer.outcomes", outcome, NAME_SIZE)?;
        }
        Ok(Self { features, label: find("kinfer.label").map(str::to_owned), outcomes })
    }
}

fn json<T: for<'a> Deserialize<'a>>(key: &'static str, text: &str) -> Result<T, GraphError> {
    serde_json::from_str(text).map_err(|error| GraphError::Metadata { key, what: error.to_string() })
}

fn check(key: &'static str, name: &str, size: usize) -> Result<(), GraphError> {
    if fits_field(name, size) {
        return Ok(());
    }
    Err(GraphError::Metadata {
        key,
        what: format!("`{name}` does not fit a field of {size} printable ASCII characters"),
    })
}

/// Whether a name can be in the file.
pub(crate) fn fits_field(name: &str, size: usize) -> bool {
    let printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    !name.is_empty() && name.len() <= size && name.bytes().all(printable)
}
