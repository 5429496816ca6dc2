//! Data files.

use crate::{Place, best_of_three, probability, rows, value};

fn calibrated(data: &[u8]) -> crate::Done {
    Place::new(&value([0.5, -0.25], 0.1).bytes(), data).convert(&[])
}

#[test]
fn files_that_are_no_rows_of_counters() {
    let csv = "data.csv: cannot be read as CSV:";
    for (data, sentence) in [
        (&b""[..], "data.csv: has no rows".to_owned()),
        (b"a,b\n", "data.csv: has no rows".to_owned()),
        (b"a;b\n1;2\n", format!("{csv} columns are separated by ';'")),
        (b"a\tb\n1\t2\n", format!("{csv} columns are separated by '\\t'")),
        (b"1,2.5\n3,4\n", format!("{csv} its first line holds numbers, not the names of the columns")),
        (b"a,b\n1,2\n3\n", format!("{csv} line 3 has 1 cells, the lines before have 2")),
        (b"gr\xf6\xdfe,b\n1,2\n", format!("{csv} line 1 is not UTF-8")),
        (b"\xff\xfea\0,\0b\0\n\0", format!("{csv} line 1 is not UTF-8")),
        (b"a,a\n1,2\n", "data.csv: has two columns `a`".to_owned()),
        (b"a,b\n1,2\nnan,3\n", "data.csv: column `a`, row 2: `nan` is not a finite number".to_owned()),
        (b"a,b\n1,2\n,3\n", "data.csv: column `a`, row 2: an empty cell is not a finite number".to_owned()),
        (b"a,b\n\"1,000\",2\n", "data.csv: column `a`, row 1: `1,000` is not a finite number".to_owned()),
        (b"a,b\n1,2020-01-01\n", "data.csv: column `b`, row 1: `2020-01-01` is not a finite number".to_owned()),
        (
            b"\x1f\x8b\x08\x00",
            "data.csv: cannot be read as data: it is compressed with gzip; unpack it first".to_owned(),
        ),
    ] {
        calibrated(data).is_refused(1, &sentence);
    }
}

#[test]
fn columns_that_are_not_the_models() {
    for (data, columns) in [
        ("a\n1\n", "1 columns beside the label, the model takes 2 features: a"),
        ("a,b,c\n1,2,3\n", "3 columns beside the label, the model takes 2 features: a, b, c"),
    ] {
        calibrated(data.as_bytes()).is_refused(2, &format!("data.csv has {columns}"));
    }
    calibrated("gr\u{f6}\u{df}e,b\n1,2\n".as_bytes()).is_refused(2, "column `gr\u{f6}\u{df}e` cannot name a feature");

    let place = Place::new(&value([0.5, -0.25], 0.1).bytes(), b"a,b\n1,2\n3,5\n");
    place.write("other.csv", b"a,c\n1,2\n");
    let other = place.convert(&["--evaluate", "other.csv"]);
    other.is_refused(1, "other.csv: has no column `b`; its columns are a, c");
    place.write("empty.csv", b"a,b\n");
    place.convert(&["--evaluate", "empty.csv"]).is_refused(1, "empty.csv: has no rows");
}

#[test]
fn what_spreadsheets_write_is_read() {
    calibrated(b"\xef\xbb\xbf\"a\",\"b\"\r\n\"1\",\"2\"\r\n\"3\",\"5\"\r\n").is_done();
    calibrated(b"a, b\n1, 2\n\n 3 ,5\n").is_done();
}

#[test]
fn labels_that_are_no_truth() {
    let label = |label: &str| {
        let data = format!("a,b,t\n1,2,1\n2,3,{label}\n");
        Place::new(&probability().bytes(), data.as_bytes()).convert(&["--label", "t"])
    };
    let refused = |text: &str| format!("data.csv: row 2: label `{text}` is not a class of this model (0, 1)");
    for text in ["2", "-1", "yes", ""] {
        label(text).is_refused(1, &refused(text));
    }
    Place::new(&probability().bytes(), b"a,b\n1,2\n")
        .convert(&["--label", "t"])
        .is_refused(1, "data.csv: has no column `t`; its columns are a, b");
    Place::new(&value([0.5, 1.0], 0.0).bytes(), b"a,b,t\n1,2,high\n")
        .convert(&["--label", "t"])
        .is_refused(1, "data.csv: row 1: label `high` is not a class of this model (a number)");
}

#[test]
fn labels_may_be_written_as_floats() {
    let data = "a,b,t\n".to_owned() + &rows(40, |at| format!("{},{},{}.0", at % 7, at % 5, at % 2));
    let done = Place::new(&probability().bytes(), data.as_bytes()).convert(&["--label", "t"]);
    assert!(done.is_done().stdout.contains("base rate 0.5000"), "{}", done.stdout);
}

#[test]
fn one_class_of_labels_leaves_the_rest_unknown() {
    let data = "a,b,t\n".to_owned() + &rows(40, |at| format!("{},{},1", at % 7, at % 5));
    let done = Place::new(&probability().bytes(), data.as_bytes()).convert(&["--label", "t"]);
    done.is_done().warns("label `t` is 1 in all of data.csv: nothing is known of AUC and of the other classes");
    assert!(done.stdout.contains("base rate 1.0000"), "{}", done.stdout);
    let done = Place::new(&best_of_three().bytes(), data.as_bytes()).convert(&["--label", "t"]);
    done.is_done().warns("label `t` is 1 in all of data.csv: nothing is known of AUC and of the other classes");

    let done = Place::new(&value([0.5, 1.0], 0.0).bytes(), data.as_bytes()).convert(&["--label", "t"]);
    done.is_done().warns("target `t` is 1 in all of data.csv: nothing is known of R2");
    assert!(done.stdout.contains("mean absolute error") && !done.stdout.contains("R2  "), "{}", done.stdout);
}
