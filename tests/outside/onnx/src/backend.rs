//! ONNX's own node tests: a table of what the engine computes exactly, and of what it cannot represent.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cases::{self, Case, Values};
use crate::model::{self, Converted};

/// Largest difference of a float output, as a share of the largest output: roundings of f32. Integers must be equal.
const TOLERANCE: f64 = 1e-6;

/// Node tests that must pass: the operators of integers, in every form that the engine represents.
const MUST_PASS: [&str; 17] = [
    "test_convinteger_with_padding",
    "test_convinteger_without_padding",
    "test_dequantizelinear",
    "test_dequantizelinear_int16",
    "test_dequantizelinear_int2",
    "test_dequantizelinear_int4",
    "test_dequantizelinear_uint16",
    "test_dequantizelinear_uint2",
    "test_dequantizelinear_uint4",
    "test_matmulinteger",
    "test_qlinearconv",
    "test_qlinearmatmul_2D_int8_float32",
    "test_qlinearmatmul_2D_uint8_float32",
    "test_quantizelinear",
    "test_quantizelinear_axis",
    "test_quantizelinear_int16",
    "test_quantizelinear_uint4",
];

/// Node tests with an element that is known to be off by one, and why.
const INEXACT: [(&str, &str); 1] = [(
    "test_quantizelinear_uint16",
    "a counter halfway between two numbers of 16 bits goes to the odd one where the zero point is odd",
)];

/// A row of the table.
#[derive(Debug, Serialize)]
struct Row {
    case: String,
    operator: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Passed(bool),
    NotSupported(String),
    Inexact(&'static str),
    Failed(String),
}

/// Prints the table; whether nothing failed and everything that must pass did.
pub(crate) fn run(folder: &Path) -> Result<bool> {
    let mut table = Vec::new();
    for case in cases::read(folder)? {
        let known = INEXACT.iter().find(|(name, _)| *name == case.name);
        let outcome = match (outcome(&case).with_context(|| case.name.clone())?, known) {
            (Outcome::Failed(_), Some((_, why))) => Outcome::Inexact(why),
            (outcome, _) => outcome,
        };
        table.push(Row { case: case.name, operator: case.group, outcome });
    }
    let passed: BTreeSet<&str> =
        table.iter().filter(|row| matches!(row.outcome, Outcome::Passed(_))).map(|row| row.case.as_str()).collect();
    let missing: Vec<_> = MUST_PASS.iter().filter(|case| !passed.contains(*case)).collect();
    let failed = table.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_))).count();
    let summary = serde_json::json!({
        "table": table, "passed": passed.len(), "failed": failed, "missing": missing,
    });
    println!("{}", serde_json::to_string_pretty(&summary)?);
    Ok(failed == 0 && missing.is_empty())
}

fn outcome(case: &Case) -> Result<Outcome> {
    if let Some(reason) = &case.unsupported {
        return Ok(Outcome::NotSupported(reason.clone()));
    }
    let network = match model::read(&case.model()?) {
        Ok(network) => network,
        Err(reason) => return Ok(Outcome::NotSupported(reason.to_string())),
    };
    let converted = match Converted::new(network, case.resolution) {
        Ok(converted) => converted,
        Err(reason) => return Ok(Outcome::NotSupported(format!("{reason:#}"))),
    };
    let rows = case.counters()?.iter().map(|row| converted.scores(row)).collect::<Result<Vec<_>>>()?;
    let ours = rows.concat();
    for (_, theirs) in case.outputs()? {
        if theirs.len() != ours.len() {
            return Ok(Outcome::Failed(format!("{} outputs for {} scores", theirs.len(), ours.len())));
        }
        let different = match &theirs {
            Values::Integers(theirs) => ours.iter().zip(theirs).position(|(&ours, &theirs)| ours != i64::from(theirs)),
            Values::Floats(theirs) => {
                let size = theirs.iter().fold(0f64, |size, &value| size.max(f64::from(value).abs()));
                let differs =
                    |ours: i64, theirs: f32| (converted.real(ours) - f64::from(theirs)).abs() > TOLERANCE * size;
                ours.iter().zip(theirs).position(|(&ours, &theirs)| differs(ours, theirs))
            }
        };
        if let Some(at) = different {
            return Ok(Outcome::Failed(format!("element {at} is {}, expected {theirs:?}", ours[at])));
        }
    }
    Ok(Outcome::Passed(true))
}
