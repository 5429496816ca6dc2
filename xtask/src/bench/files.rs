//! A case as files, for the harness and the peers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use kinfer_bench_cases::cases::Body;
use kinfer_bench_cases::{Case, Work, onnx};

/// A case's folder.
pub(super) struct Folder<'a> {
    pub(super) case: &'a Case,
    pub(super) dir: PathBuf,
}

impl<'a> Folder<'a> {
    /// Writes `case` to a folder of its name below `base`.
    pub(super) fn write(case: &'a Case, base: &Path) -> Result<Self> {
        let folder = Self { case, dir: base.join(case.name) };
        fs::create_dir_all(&folder.dir).with_context(|| format!("making {}", folder.dir.display()))?;

        let rows = case.rows();
        let (inputs, raw_inputs) = (rows[0].len(), case.raw[0].len());
        let (input_scale, score_scale) = case.scales();
        let work = match case.work {
            Work::Network => 'n',
            Work::Decision => 'd',
            Work::Load => 'l',
        };
        let expected = case.expected();
        let head = format!(
            "work {work}\nrows {}\ninputs {inputs}\noutputs {}\nraw_inputs {raw_inputs}\nscore_scale {score_scale:e}\n\
             boundary {}\n",
            rows.len(),
            case.outputs(),
            case.boundary(&expected),
        );
        folder.file("case.txt", head.as_bytes())?;
        folder.file("quantized.i32", &bytes(rows.iter().flatten(), |x| x.to_le_bytes()))?;
        folder.file(
            "real.f32",
            &bytes(rows.iter().flatten(), |&x| ((f64::from(x) * input_scale) as f32).to_le_bytes()),
        )?;
        folder.file("raw.i64", &bytes(case.raw.iter().flatten(), |x| x.to_le_bytes()))?;
        folder.file("expected.i32", &bytes(expected.iter().flatten(), |x| x.to_le_bytes()))?;
        folder.file("model.kinf", &case.spec.to_bytes())?;
        folder.file("float.onnx", &onnx::float(case))?;
        if let Body::Forest(forest) = &case.body {
            folder.file("classifier.onnx", &onnx::classifier(forest))?;
        }
        if let Some(network) = int8_network(case) {
            folder.file("int8.onnx", &onnx::int8(network))?;
        }
        Ok(folder)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.dir.join(name);
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))
    }
}

/// The network of a case whose activations are int8.
pub(super) fn int8_network(case: &Case) -> Option<&kinfer_bench_cases::network::Network> {
    match &case.body {
        Body::Network(network) if network.top() == 127 => Some(network),
        _ => None,
    }
}

fn bytes<'b, T: 'b, const N: usize>(values: impl Iterator<Item = &'b T>, of: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    values.flat_map(of).collect()
}
