//! The command: exit statuses, what is printed, what is written.

mod support;

use std::process::{Command, Output};

use support::{Graph, Workplace, classifier, classifier_data};

fn kinfer(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kinfer")).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A workplace, and the arguments of a conversion in it.
struct Converting {
    workplace: Workplace,
    model: String,
    data: String,
    kinf: String,
}

impl Converting {
    fn new(graph: &Graph, data: &str) -> Self {
        let workplace = Workplace::new(graph, data);
        let path = |name: &str| workplace.path(name).to_str().unwrap().to_owned();
        let (model, data, kinf) = (path("model.onnx"), path("data.csv"), path("model.kinf"));
        Self { workplace, model, data, kinf }
    }

    fn convert(&self, more: &[&str]) -> Output {
        kinfer(&[&["convert", &self.model, "--calibrate", &self.data, "-o", &self.kinf], more].concat())
    }
}

#[test]
fn a_model_is_converted_checked_inspected_and_run() {
    let here = Converting::new(&classifier(), &classifier_data(600));
    let output = here.convert(&[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for part in ["agreement", "float", "integer", "balanced accuracy", "recall of slow", "AUC", "base rate", "verified"]
    {
        assert!(shown.contains(part), "{part} in {shown}");
    }

    let check = kinfer(&["check", &here.kinf]);
    assert_eq!((check.status.code(), &text(&check.stdout)[..10]), (Some(0), "accepted: "));
    let inspected = kinfer(&["inspect", "--json", &here.kinf]);
    let inspected: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected["features"][0]["name"], "depth");
    assert!(text(&kinfer(&["inspect", &here.kinf]).stdout).contains("depth"));

    let out = here.workplace.path("out.csv");
    let run = kinfer(&["run", &here.kinf, "--input", &here.data, "-o", out.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let written = std::fs::read_to_string(out).unwrap();
    let header = "depth,bytes,class,outcome,value,margin,flags,value_bits,margin_bits";
    assert_eq!((written.lines().next(), written.lines().count()), (Some(header), 601));
    let row: Vec<_> = written.lines().nth(1).unwrap().split(',').collect();
    let (value, bits): (f64, f64) = (row[4].parse().unwrap(), row[7].parse().unwrap());
    assert!((value - bits / 2f64.powi(32)).abs() < 1e-12, "{row:?}");
}

#[test]
fn a_model_is_emitted_under_its_name_or_another() {
    let here = Converting::new(&classifier(), &classifier_data(300));
    here.convert(&[]);
    let dir = here.workplace.path("out");
    let emit = |more: &[&str]| kinfer(&[&["emit", &here.kinf, "-o", dir.to_str().unwrap()], more].concat());
    let written = emit(&["--lang", "c"]);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert_eq!(text(&written.stdout).lines().count(), 2);
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    assert!(read("model.h").contains("void model_decide(const int64_t *counters, struct model_decision *out);"));
    assert!(read("model.c").contains("#include \"model.h\""));
    assert_eq!(emit(&["--lang", "rust", "--name", "Will it block?"]).status.code(), Some(0));
    assert!(read("will_it_block.rs").contains("pub depth: i64,"));

    // Refused, or without a folder to write to: nothing is written.
    let nowhere = kinfer(&["emit", &here.kinf, "--lang", "c", "-o", "/nonexistent/deeper"]);
    assert_eq!(nowhere.status.code(), Some(2));
    let mut bytes = std::fs::read(&here.kinf).unwrap();
    bytes[40] ^= 4;
    std::fs::write(&here.kinf, &bytes).unwrap();
    assert_eq!(emit(&["--lang", "c", "--name", "broken"]).status.code(), Some(1));
    assert!(!dir.join("broken.h").exists() && !dir.join("broken.c").exists());
}

#[test]
fn json_reports_are_json() {
    let here = Converting::new(&classifier(), &classifier_data(300));
    let report: serde_json::Value = serde_json::from_slice(&here.convert(&["--json"]).stdout).unwrap();
    assert!(report["agreement"].as_f64().unwrap() > 0.99, "{report}");
    assert!(
        report["quality"]["integer"]["auc"].is_number() && report["verifier"]["operations"].is_number(),
        "{report}"
    );
    let check: serde_json::Value = serde_json::from_slice(&kinfer(&["check", "--json", &here.kinf]).stdout).unwrap();
    assert_eq!((&check["accepted"], &check["report"]["inputs"]), (&true.into(), &2.into()));
}

#[test]
fn a_refused_file_exits_with_1_and_the_cores_sentence() {
    let here = Converting::new(&classifier(), &classifier_data(300));
    here.convert(&[]);
    let mut bytes = std::fs::read(&here.kinf).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 4;
    std::fs::write(&here.kinf, &bytes).unwrap();
    let sentence = kinfer::Model::parse(&bytes).unwrap_err().to_string();
    let check = kinfer(&["check", &here.kinf]);
    assert_eq!((check.status.code(), text(&check.stdout)), (Some(1), format!("refused: {sentence}\n")));
    let inspect = kinfer(&["inspect", &here.kinf]);
    assert_eq!(inspect.status.code(), Some(1));
}

#[test]
fn an_unsupported_operator_is_named_with_what_is_supported_and_the_old_file_stays() {
    let graph = Graph::new(1)
        .floats("w", &[1, 1], &[1.0])
        .node("MatMul", &["x", "w"], "m", &[])
        .node("Bernoulli", &["m"], "act", &[])
        .output("act");
    let here = Converting::new(&graph, "a\n1\n2\n");
    std::fs::write(&here.kinf, "what was there").unwrap();
    let output = here.convert(&[]);
    let shown = text(&output.stderr).replace('\n', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1));
    assert!(shown.contains("node `act` (Bernoulli): this operator is not supported"), "{shown}");
    assert!(shown.contains("supported: Abs, Add, And, ArgMax"), "{shown}");
    assert_eq!(std::fs::read_to_string(&here.kinf).unwrap(), "what was there");
}

#[test]
fn usage_and_missing_files_exit_with_2() {
    let here = Converting::new(&classifier(), &classifier_data(50));
    assert_eq!(kinfer(&["convert"]).status.code(), Some(2));
    assert_eq!(kinfer(&["check", "/nonexistent/model.kinf"]).status.code(), Some(2));
    assert_eq!(here.convert(&["--evaluate", "/nonexistent/data.csv"]).status.code(), Some(2));
    assert_eq!(here.convert(&["--threshold", "2"]).status.code(), Some(2));
    let nowhere = kinfer(&["convert", &here.model, "--calibrate", &here.data, "-o", "/nonexistent/model.kinf"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(!here.workplace.path("model.kinf").exists());
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["convert", "inspect", "check", "run", "compare", "bench", "emit", "new", "completions", "man"] {
        let help = text(&kinfer(&[command, "--help"]).stdout);
        assert!(
            (help.contains("Example:") || help.contains("Examples:")) && help.contains("Exit status:"),
            "{command}: {help}"
        );
    }
}

#[test]
fn budgets_of_the_command_line_take_the_place_of_the_kernels() {
    let here = Converting::new(&classifier(), &classifier_data(300));
    here.convert(&[]);
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&kinfer(&[&["check", &here.kinf, "--json"], arguments].concat()).stdout).unwrap()
    };
    let operations = json(&[])["report"]["operations"].as_u64().unwrap();
    let (exact, below) = (operations.to_string(), (operations - 1).to_string());
    assert_eq!(json(&["--budget-ops", &exact])["accepted"], true);
    let refused = json(&["--budget-ops", &below]);
    let sentence = refused["error"].as_str().unwrap();
    assert!(sentence.contains(&below) && sentence.contains("operations"), "{sentence}");
    assert_eq!((&refused["budget"][0]["is"], refused["report"].is_null()), (&operations.into(), false));

    for budget in ["--budget-bytes", "--budget-scratch-bytes", "--budget-file-bytes", "--budget-ops"] {
        let check = kinfer(&["check", &here.kinf, budget, "1"]);
        assert_eq!(check.status.code(), Some(1), "{budget}");
        assert!(text(&check.stdout).starts_with("refused: "), "{budget}");
    }
}

#[test]
fn notes_go_to_standard_error_unless_quiet() {
    let here = Converting::new(&classifier(), &classifier_data(300));
    here.convert(&[]);
    let wide = here.workplace.path("wide.csv");
    std::fs::write(&wide, "depth,bytes\n5000,1000000\n0.5,1000000\n99,1000000\n").unwrap();
    let arguments = ["run", &here.kinf, "--input", wide.to_str().unwrap()];
    let told = kinfer(&arguments);
    assert!(text(&told.stderr).contains("1 of 3 rows have a counter outside"), "{}", text(&told.stderr));
    let quiet = kinfer(&[&arguments[..], &["--quiet"]].concat());
    assert_eq!((text(&quiet.stderr), &quiet.stdout), (String::new(), &told.stdout));
    let verbose = kinfer(&[&["--verbose"], &arguments[..]].concat());
    assert!(text(&verbose.stderr).contains("integer engine, 3 rows"), "{}", text(&verbose.stderr));
    assert_eq!(kinfer(&["-q", "-v", "check", &here.kinf]).status.code(), Some(2));
}

#[test]
fn errors_are_plain_lines_where_standard_error_is_no_terminal() {
    let output = kinfer(&["check", "/nonexistent/model.kinf"]);
    let shown = text(&output.stderr);
    assert_eq!(shown, "error: /nonexistent/model.kinf: cannot be read: No such file or directory (os error 2)\n");
}

#[test]
fn shells_and_man_are_served() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&kinfer(&["completions", shell]).stdout);
        assert!(script.contains("inspect") && script.contains("budget-ops"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    assert_eq!(kinfer(&["man", pages.to_str().unwrap()]).status.code(), Some(0));
    let page = std::fs::read_to_string(pages.join("kinfer-check.1")).unwrap();
    assert!(page.contains("budget\\-ops") && page.contains("Exit status"), "{page}");
    assert!(std::fs::read_to_string(pages.join("kinfer.1")).unwrap().contains("kinfer\\-check(1)"));
}

#[test]
fn bench_counts_or_says_why_it_cannot() {
    let here = Converting::new(&classifier(), &classifier_data(300));
    here.convert(&[]);
    let output = kinfer(&["bench", &here.kinf, "--json"]);
    let measured: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(measured["time"]["median_ns"].as_f64().unwrap() > 0.0, "{measured}");
    let instructions = &measured["instructions"];
    match instructions["a_decision"].as_f64() {
        Some(count) => assert!(count > 20.0 && instructions["by"].is_string(), "{measured}"),
        None => assert!(instructions["unavailable"].is_string(), "{measured}"),
    }
}

#[test]
fn a_new_folder_holds_python_that_compiles_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for library in ["sklearn", "lightgbm", "xgboost", "pytorch", "keras"] {
        let model = folder.path().join(library);
        let path = model.to_str().unwrap();
        let made = kinfer(&["new", path, "--library", library]);
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        let read = |name: &str| std::fs::read_to_string(model.join(name)).unwrap();
        assert!(read("requirements.txt").lines().all(|line| line.contains("==")), "{library}");
        assert!(read("README.md").starts_with(&format!("# {library}\n")) && !read("CARD.md").contains("NAME"));
        let mut python = Command::new("python3");
        python.current_dir(&model).args(["-m", "py_compile", "train.py", "prepare.py"]);
        let compiled = python.output().expect("python3 is on the path");
        assert!(compiled.status.success(), "{library}: {}", text(&compiled.stderr));
        std::fs::write(model.join("CARD.md"), "mine").unwrap();
        assert_eq!(kinfer(&["new", path, "--library", library]).status.code(), Some(2));
        assert_eq!(read("CARD.md"), "mine");
    }
    assert_eq!(kinfer(&["new", folder.path().join("a name").to_str().unwrap()]).status.code(), Some(2));
}

#[test]
fn a_conversion_writes_its_page() {
    let here = Converting::new(&classifier(), &classifier_data(600));
    let path = here.workplace.path("report.html");
    let output = here.convert(&["--report", path.to_str().unwrap(), "--agree", "0.5", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["budget"][0]["is"].is_number() && report["refused_by_kernel"].is_null(), "{report}");
    let page = std::fs::read_to_string(path).unwrap();
    for part in
        ["<!DOCTYPE html>", "The kernel accepts it", "asked: at least 50 %", "recall of slow", "class=\"histogram\""]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_file_is_compared_with_its_model_and_with_no_other() {
    let here = Converting::new(&classifier(), &classifier_data(600));
    let report: serde_json::Value = serde_json::from_slice(&here.convert(&["--json"]).stdout).unwrap();
    let compare =
        |model: &str, more: &[&str]| kinfer(&[&["compare", &here.kinf, model, "--data", &here.data], more].concat());
    let output = compare(&here.model, &["--json"]);
    let compared: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for same in
        ["agreement", "differing", "flips", "largest_score_error", "mean_score_error", "quality", "out_of_range"]
    {
        assert_eq!(compared[same], report[same], "{same}");
    }
    assert_eq!(compared["same_source"], true);
    let layers = compared["layers"].as_array().unwrap();
    let nodes: Vec<_> = layers.iter().filter_map(|layer| layer["node"].as_str()).collect();
    assert_eq!(nodes, ["normal", "h0", "z"], "{compared}");
    assert!(layers.iter().all(|layer| layer["signal_to_noise"].as_f64().unwrap() > 20.0), "{compared}");
    let shown = text(&compare(&here.model, &[]).stdout);
    assert!(shown.contains("agreement") && shown.contains("recall of slow"), "{shown}");

    let other = here.workplace.path("other.onnx");
    let other = other.to_str().unwrap();
    std::fs::write(other, classifier().metadata("more", "bytes").bytes()).unwrap();
    let output = compare(other, &[]);
    assert!(text(&output.stderr).contains("hashes differ"), "{}", text(&output.stderr));
    let narrow = Graph::new(1).floats("w", &[1, 1], &[1.0]).node("MatMul", &["x", "w"], "m", &[]).output("m");
    std::fs::write(other, narrow.bytes()).unwrap();
    let output = compare(other, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("takes 2 counters, the float model 1 features"), "{}", text(&output.stderr));
}
