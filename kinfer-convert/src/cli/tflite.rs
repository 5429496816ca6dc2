//! `kinfer convert` of a TensorFlow Lite file.

use std::path::Path;

use clap::Args;
use kinfer::Limits;
use kinfer_convert::Result;
use kinfer_convert::convert::VerifierReport;
use kinfer_convert::data::file_name;
use kinfer_convert::engine::Engine;
use kinfer_convert::tflite::{Options, Rounding, convert};

use super::{Console, file};

/// What only concerns TensorFlow Lite files.
#[derive(Args, Debug)]
pub(crate) struct TfliteArguments {
    /// Of a TensorFlow Lite file: the interpreter whose bits its integers are to have
    #[arg(long, value_enum, default_value = "double")]
    rounding: Rounding,
    /// Of a TensorFlow Lite file with an input of float32: real size of one unit of the counters [default: 1]
    #[arg(long, value_name = "SIZE")]
    resolution: Option<f64>,
}

/// What the command line says beside that.
pub(crate) struct Request<'a> {
    pub(crate) model: &'a Path,
    pub(crate) calibrate: Option<&'a Path>,
    pub(crate) features: Option<&'a [String]>,
    pub(crate) label: Option<&'a str>,
    pub(crate) threshold: Option<f64>,
    pub(crate) limits: Limits,
    pub(crate) output: &'a Path,
    pub(crate) json: bool,
}

impl TfliteArguments {
    pub(crate) fn run(&self, request: &Request<'_>, console: Console) -> Result<()> {
        let options = Options {
            rounding: self.rounding,
            resolution: self.resolution,
            calibrate: request.calibrate,
            features: request.features,
            label: request.label,
            threshold: request.threshold,
            outcomes: None,
            limits: request.limits,
        };
        let (spec, network) = convert(request.model, &options)?;
        let bytes = spec.to_bytes();
        let verified = VerifierReport::of(&Engine::load_within(&bytes, &request.limits)?.report);
        file::write_atomically(request.output, |out| out.write_all(&bytes))?;
        let text = if request.json {
            let report = serde_json::json!({
                "source": file_name(request.model),
                "bytes": bytes.len(),
                "features": network.features(),
                "outputs": network.outputs(),
                "left_out": network.left_out,
                "verifier": verified,
            });
            serde_json::to_string_pretty(&report).unwrap_or_default()
        } else {
            let left_out = network.left_out.iter().map(|operator| format!("left out   {operator}\n"));
            format!(
                "{} -> {} bytes, with its own integers\n\n{}verified   {} inputs, {} operations, {} bytes packed, {} bytes of scratch\n\
                 written    {}",
                file_name(request.model),
                bytes.len(),
                left_out.collect::<String>(),
                verified.inputs,
                verified.operations,
                verified.packed_bytes,
                verified.scratch_bytes,
                request.output.display()
            )
        };
        console.print(&format!("{text}\n"))
    }
}
