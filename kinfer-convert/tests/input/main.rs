//! Models, data and folders that a conversion cannot use: the very sentence, the exit status, and the file that was there
//! before is there still. And data at the edge of what is meant, which are used.

#[path = "../support/mod.rs"]
mod support;

mod data;
mod edges;
mod files;
mod models;

use std::path::PathBuf;
use std::process::{Command, Output};

use support::Graph;

/// What lies where the output goes.
const OLD: &str = "what was there";

/// A folder with a model, data, and an output from before.
struct Place {
    folder: tempfile::TempDir,
}

/// What became of a conversion.
#[derive(Debug)]
struct Done {
    status: Option<i32>,
    /// First line on standard error.
    sentence: String,
    stdout: String,
    kept: bool,
}

impl Place {
    fn new(model: &[u8], data: &[u8]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write("model.onnx", model);
        place.write("data.csv", data);
        place.write("model.kinf", OLD.as_bytes());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs the command in the folder.
    fn kinfer(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinfer"));
        command.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1").output().unwrap()
    }

    fn convert(&self, more: &[&str]) -> Done {
        self.done(&[&["convert", "model.onnx", "--calibrate", "data.csv", "-o", "model.kinf"], more].concat())
    }

    fn done(&self, arguments: &[&str]) -> Done {
        let output = self.kinfer(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Done {
            status: output.status.code(),
            sentence: stderr.lines().next().unwrap_or_default().into(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            kept: std::fs::read(self.path("model.kinf")).unwrap() == OLD.as_bytes(),
        }
    }
}

impl Done {
    /// Refused with this sentence, and nothing was written.
    #[track_caller]
    fn is_refused(&self, status: i32, sentence: &str) {
        let expected = format!("error: {sentence}");
        assert_eq!((self.status, self.sentence.as_str(), self.kept), (Some(status), &*expected, true), "{self:?}");
    }

    /// Done, and a file was written.
    #[track_caller]
    fn is_done(&self) -> &Self {
        assert_eq!((self.status, self.kept), (Some(0), false), "{self:?}");
        self
    }

    #[track_caller]
    fn warns(&self, warning: &str) -> &Self {
        let line = format!("warning    {warning}");
        assert!(self.stdout.lines().any(|there| there == line), "no `{line}` in {}", self.stdout);
        self
    }
}

/// `x · w + b` of two features: a value.
fn value(w: [f32; 2], b: f32) -> Graph {
    Graph::new(2)
        .floats("w", &[2, 1], &w)
        .floats("b", &[1], &[b])
        .node("MatMul", &["x", "w"], "m", &[])
        .node("Add", &["m", "b"], "y", &[])
        .output("y")
}

/// A probability of two features: two classes.
fn probability() -> Graph {
    let mut graph = value([0.5, -0.25], 0.1).node("Sigmoid", &["y"], "p", &[]);
    if let Some(graph) = &mut graph.0.graph {
        graph.output.clear();
    }
    graph.output("p")
}

/// The largest of three scores of two features.
fn best_of_three() -> Graph {
    Graph::new(2)
        .floats("w", &[2, 3], &[1.0, -0.5, 0.25, -1.0, 0.75, 0.5])
        .node("MatMul", &["x", "w"], "y", &[])
        .node("ArgMax", &["y"], "class", &[support::int("axis", 1)])
        .output("class")
}

/// Rows `a,b` and, with a label, `t`.
fn rows(count: i64, row: impl Fn(i64) -> String) -> String {
    (0..count).map(|at| row(at) + "\n").collect()
}
