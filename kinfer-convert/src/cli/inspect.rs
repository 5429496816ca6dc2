//! `kinfer inspect`.

use std::path::PathBuf;

use clap::Args;
use kinfer::format::{HeadKind, Operator};
use kinfer::{Limits, Model, verify};
use kinfer_convert::convert::VerifierReport;
use kinfer_convert::{Error, Result};
use serde_json::{Value, json};

use super::{EXIT_STATUS, file};

/// Show what a model file holds and what the verifier proves of it.
#[derive(Args, Debug)]
#[command(after_help = format!("Example: kinfer inspect io-latency.kinf\n\n{EXIT_STATUS}"))]
pub(crate) struct Inspect {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    model: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<()> {
        let bytes = file::read(&self.model)?;
        let model = Model::parse(&bytes).map_err(Error::Refused)?;
        let report = verify(&model, &Limits::KERNEL).map_err(Error::Refused)?;
        let described = describe(&model, &report);
        if self.json {
            println!("{described:#}");
        } else {
            print!("{}", render(&described));
        }
        Ok(())
    }
}

fn describe(model: &Model<'_>, report: &kinfer::Report) -> Value {
    let features: Vec<_> = model
        .features()
        .iter()
        .map(|f| json!({"name": f.name.as_str(), "unit": f.unit.as_str(), "lo": f.lo, "hi": f.hi}))
        .collect();
    let tensors: Vec<_> = model
        .tensors()
        .iter()
        .map(|t| {
            json!({
                "type": t.element.name(), "elements": t.elements(), "zero_point": t.zero_point,
                "scale": t.scale.to_num::<f64>(),
            })
        })
        .collect();
    let operators: Vec<_> = model.operators().iter().map(|operator| describe_operator(&operator)).collect();
    let head = model.head();
    let (threshold, k) = match head.kind {
        HeadKind::Threshold(threshold) | HeadKind::Anomaly(threshold) => (Some(threshold.to_string()), None),
        HeadKind::TopK(k) => (None, Some(k)),
        HeadKind::ArgMax | HeadKind::ArgMin | HeadKind::Value => (None, None),
    };
    let provenance: Vec<_> = String::from_utf8_lossy(model.provenance()).lines().map(str::to_owned).collect();
    json!({
        "bytes": model.file().len(),
        "crc32c": format!("{:08x}", model.checksum()),
        "features": features,
        "tensors": tensors,
        "operators": operators,
        "head": {
            "kind": head.kind.name(), "k": k, "scores": head.scores, "threshold": threshold,
            "low_margin": head.low_margin.to_string(),
        },
        "outcomes": model.outcomes().iter().map(|name| name.to_string()).collect::<Vec<_>>(),
        "provenance": provenance,
        "verifier": VerifierReport::of(report),
    })
}

fn describe_operator(operator: &Operator) -> Value {
    json!({"kind": operator.kind().name(), "input": operator.input, "second": operator.second, "output": operator.output})
}

fn render(model: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut out = format!("{} bytes, CRC-32C {}\n\nfeatures\n", model["bytes"], text(&model["crc32c"]));
    for (index, feature) in list(&model["features"]).iter().enumerate() {
        let (name, unit) = (text(&feature["name"]), text(&feature["unit"]));
        out += &format!("{index:>4}  {name:<32} {unit:<8} {}..{}\n", feature["lo"], feature["hi"]);
    }
    out += "\ntensors\n";
    for (index, tensor) in list(&model["tensors"]).iter().enumerate() {
        let (kind, elements) = (text(&tensor["type"]), &tensor["elements"]);
        out += &format!(
            "{index:>4}  {kind} x {elements}, zero point {}, scale {}\n",
            tensor["zero_point"], tensor["scale"]
        );
    }
    out += "\noperators\n";
    let proofs = list(&model["verifier"]["operators"]);
    for (index, (operator, proof)) in list(&model["operators"]).iter().zip(proofs).enumerate() {
        out += &format!(
            "{index:>4}  {} {}{} -> {}: {} operations, {} look-ups, accumulators of {} bits, output {}..{}, {} backend, \
             {} lanes\n",
            text(&operator["kind"]),
            operator["input"],
            operator["second"].as_u64().map_or(String::new(), |second| format!(" and {second}")),
            operator["output"],
            proof["operations"],
            proof["look_ups"],
            proof["accumulator_bits"],
            proof["output"][0],
            proof["output"][1],
            text(&proof["backend"]),
            proof["lanes"],
        );
    }
    let head = &model["head"];
    let threshold = head["threshold"].as_str().map_or(String::new(), |threshold| format!(" at {threshold}"));
    let k = head["k"].as_u64().map_or(String::new(), |k| format!(" with k = {k}"));
    let outcomes: Vec<_> = list(&model["outcomes"]).iter().map(text).collect();
    out += &format!(
        "\nhead        {}{threshold}{k} of tensor {}, low margin below {}\noutcomes    {}\n",
        text(&head["kind"]),
        head["scores"],
        text(&head["low_margin"]),
        outcomes.join(", ")
    );
    let verifier = &model["verifier"];
    out += &format!(
        "verified    {} operations, {} bytes packed, {} bytes of scratch\n\nprovenance\n",
        verifier["operations"], verifier["packed_bytes"], verifier["scratch_bytes"]
    );
    list(&model["provenance"]).iter().for_each(|line| out += &format!("      {}\n", text(line)));
    out
}
