//! The folder that a maker of cases in `tests/outside/nets/` wrote: ONNX files, inputs and outputs.

use std::fs;
use std::path::{Path, PathBuf};

use kinfer_convert::graph::Graph;
use kinfer_convert::onnx::{Source, reader};
use serde::Deserialize;

/// Of the largest of both and of one.
const TOLERANCE: f64 = 1e-4;

/// A model with inputs and outputs.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default)]
    rows: usize,
    /// What the case is counted with.
    #[serde(default)]
    pub(crate) group: String,
    /// Why it is not even a model, where it is none.
    #[serde(default)]
    pub(crate) unsupported: Option<String>,
    #[serde(skip)]
    folder: PathBuf,
}

/// What became of a case.
pub(crate) enum Outcome {
    /// As it is read and simplified, it has the outputs.
    Same,
    Refused(String),
    Differs(String),
}

/// All cases of the folder that an environment variable names; nothing, and a note, where it names none.
pub(crate) fn cases(variable: &str) -> Option<Vec<Case>> {
    let Some(folder) = std::env::var_os(variable).map(PathBuf::from) else {
        eprintln!("skipped: {variable} names no folder; `cargo xtask outside nets` makes the models");
        return None;
    };
    let text = fs::read_to_string(folder.join("cases.json")).unwrap();
    let mut cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    cases.iter_mut().for_each(|case| case.folder = folder.clone());
    assert!(!cases.is_empty());
    Some(cases)
}

impl Case {
    pub(crate) fn outcome(&self) -> Outcome {
        if let Some(reason) = &self.unsupported {
            return Outcome::Refused(reason.clone());
        }
        let source = match Source::open(&self.path("onnx")) {
            Ok(source) => source,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let graph = match reader::read(&source) {
            Ok(model) => model.graph,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let found = self.differs(&graph).map(|what| format!("as it is read, {what}"));
        match found.or_else(|| self.differs(&graph.simplified()).map(|what| format!("simplified, {what}"))) {
            Some(what) => Outcome::Differs(what),
            None => Outcome::Same,
        }
    }

    /// Whether a graph's scores of each row, one after the other, are the outputs; if not, where.
    fn differs(&self, graph: &Graph) -> Option<String> {
        let (x, y) = (floats(&self.path("x")), floats(&self.path("y")));
        assert!(self.rows > 0 && x.len() == self.rows * graph.features, "{}: {} inputs", self.name, x.len());
        let outputs = y.len() / self.rows;
        let mut state = graph.initial_state();
        x.chunks(graph.features).zip(y.chunks(outputs)).enumerate().find_map(|(row, (features, wants))| {
            let is = graph.scores(features, &mut state);
            let near = |(is, wants): (&f64, &f64)| {
                let both_nan = is.is_nan() && wants.is_nan();
                both_nan || is == wants || (is - wants).abs() <= TOLERANCE * is.abs().max(wants.abs()).max(1.0)
            };
            let same = is.len() == outputs && is.iter().zip(wants).all(near);
            (!same).then(|| format!("row {row}: {is:?} is not {wants:?}"))
        })
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.name))
    }
}

fn floats(path: &Path) -> Vec<f64> {
    let bytes = fs::read(path).unwrap();
    let (words, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty(), "{}", path.display());
    words.iter().map(|&word| f32::from_le_bytes(word).into()).collect()
}
