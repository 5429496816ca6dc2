//! Where a file is read from and written to.

use std::os::unix::fs::PermissionsExt;

use crate::{OLD, Place, value};

const DATA: &[u8] = b"a,b\n1,2\n3,5\n-4,7\n0,1\n";

fn place() -> Place {
    Place::new(&value([0.5, -0.25], 0.1).bytes(), DATA)
}

fn to(place: &Place, output: &str) -> crate::Done {
    place.done(&["convert", "model.onnx", "--calibrate", "data.csv", "-o", output])
}

#[test]
fn an_output_without_a_folder_or_that_is_one() {
    let missing = to(&place(), "nowhere/model.kinf");
    missing.is_refused(2, "nowhere/model.kinf: cannot be written: No such file or directory (os error 2)");
    let here = place();
    std::fs::create_dir(here.path("folder")).unwrap();
    to(&here, "folder").is_refused(2, "folder: cannot be written: Is a directory (os error 21)");
    assert!(std::fs::read_dir(here.path("folder")).unwrap().next().is_none());
    let left: Vec<_> = std::fs::read_dir(here.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "nothing half-written: {left:?}");
}

#[test]
fn a_folder_that_may_not_be_written() {
    let here = place();
    let folder = here.path("sealed");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("model.kinf"), OLD).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    let is_root = std::fs::write(folder.join("probe"), "").is_ok();
    if !is_root {
        to(&here, "sealed/model.kinf")
            .is_refused(2, "sealed/model.kinf: cannot be written: Permission denied (os error 13)");
        assert_eq!(std::fs::read_to_string(folder.join("model.kinf")).unwrap(), OLD);
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Root may write there, but nobody may here.
    to(&here, "/proc/model.kinf")
        .is_refused(2, "/proc/model.kinf: cannot be written: No such file or directory (os error 2)");
}

#[test]
fn inputs_that_are_not_there_or_no_files() {
    let here = place();
    let done = here.done(&["convert", "gone.onnx", "--calibrate", "data.csv", "-o", "model.kinf"]);
    done.is_refused(2, "gone.onnx: cannot be read: No such file or directory (os error 2)");
    let done = here.done(&["convert", "model.onnx", "--calibrate", "gone.csv", "-o", "model.kinf"]);
    done.is_refused(2, "gone.csv: cannot be read: No such file or directory (os error 2)");
    let done = here.done(&["convert", ".", "--calibrate", "data.csv", "-o", "model.kinf"]);
    done.is_refused(2, ".: cannot be read: Is a directory (os error 21)");
    let done = here.done(&["convert", "model.onnx", "--calibrate", ".", "-o", "model.kinf"]);
    done.is_refused(2, ".: cannot be read: Is a directory (os error 21)");
    let done = here.done(&["convert", "model.onnx", "-o", "model.kinf"]);
    done.is_refused(2, "an ONNX model is converted without --calibrate");
}

/// An array of rows of three 64-bit floats.
fn npy(rows: usize) -> Vec<u8> {
    let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, 3), }}");
    let padded = format!("{text:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded.len() as u16).to_le_bytes());
    bytes.extend(padded.as_bytes());
    bytes.extend((0..rows * 3).flat_map(|at| (at as f64).to_le_bytes()));
    bytes
}

#[test]
fn arrays_of_another_width() {
    let here = place();
    here.write("data.csv", &npy(4));
    let sentence =
        "data.csv has 3 columns beside the label, the model takes 2 features: feature_0, feature_1, feature_2";
    here.convert(&[]).is_refused(2, sentence);
    let here = place();
    here.write("test.npy", &npy(4));
    here.convert(&["--evaluate", "test.npy"]).is_refused(1, "test.npy: has 3 values a row, the model takes 2 features");
    here.write("test.npy", &npy(4)[..200]);
    let done = here.convert(&["--evaluate", "test.npy"]);
    assert_eq!((done.status, done.kept), (Some(1), true), "{done:?}");
}
