//! Models of published systems, where the project's shared data is there: they are not committed.

use std::path::PathBuf;

use kinfer_convert::convert::Options;
use kinfer_convert::progress::Silent;
use kinfer_convert::{Conversion, convert};

/// A file of the shared data, or a note that the test is skipped.
fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: {name} is not in ../shared/data beside the repository");
        return None;
    }
    Some(path)
}

/// MLLB's load balancer (MLP 15-10-1, migrate above 0.5). No data are published: counters of plausible range stand in.
#[test]
fn mllb_decides_as_in_float() {
    let Some(model) = shared("mllb/can_migrate_task.onnx") else { return };
    let mut csv = (0..15).map(|feature| format!("f{feature}")).collect::<Vec<_>>().join(",") + "\n";
    let mut state = 1u64;
    for _ in 0..3000 {
        let row: Vec<String> = (0..15)
            .map(|feature| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) % if feature < 6 { 2 } else { 40 }).to_string()
            })
            .collect();
        csv += &(row.join(",") + "\n");
    }
    let data = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&data, csv).unwrap();
    let options = Options { threshold: Some(0.5), ..Options::new(&model, data.path()) };
    let Conversion { report, .. } = convert(&options, &Silent).unwrap();
    assert!(report.agreement >= 0.995, "{}", report.agreement);
}

/// KML's read-ahead networks (MLP 5-15-5-4 with Sigmoid between), on all rows that are published: decisions as in float, and
/// the published accuracies within two rows. One takes features that somebody normalised, the other raw ones of any magnitude.
#[test]
fn kml_decides_as_in_float_and_is_as_accurate_as_published() {
    for (name, right, rows) in [("kml/readahead_normalised", 390, 422), ("kml/readahead_raw", 1347, 1442)] {
        let Some(model) = shared(&format!("{name}.onnx")) else { return };
        let Some(data) = shared(&format!("{name}.csv")) else { return };
        let features = ["f0", "f1", "f2", "f3", "f4"].map(String::from);
        let options = Options { features: Some(&features), label: Some("label"), ..Options::new(&model, &data) };
        let Conversion { report, .. } = convert(&options, &Silent).unwrap();
        assert_eq!(report.evaluation.rows, rows);
        assert!(report.agreement >= 0.995, "{name}: {}", report.agreement);
        let quality = report.quality.unwrap();
        let correct = |accuracy: f64| (accuracy * rows as f64).round() as i64;
        assert_eq!(correct(quality.float.accuracy), right, "{name}, float");
        assert!((correct(quality.integer.accuracy) - right).abs() <= 2, "{name}: {}", quality.integer.accuracy);
    }
}
