//! Rows of raw counters from CSV and Parquet, by column name.

mod csv;
mod parquet;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::error::{Error, Result};

/// Rows of raw counters, with the true class of each where it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// File it is from.
    pub path: PathBuf,
    /// Counters a row.
    pub width: usize,
    /// Row after row.
    pub counters: Vec<i64>,
    /// The label column.
    pub labels: Option<Labels>,
}

/// The label column, as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Integers: labels or indices of classes.
    Integers(Vec<i64>),
    /// Names of classes.
    Texts(Vec<String>),
}

/// What is wrong with a data file. Rows count from 1, without a header.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DataError {
    /// Neither CSV nor Parquet that can be read.
    #[error("cannot be read as {format}: {detail}")]
    Format {
        /// CSV or Parquet.
        format: &'static str,
        /// The reader's words.
        detail: String,
    },
    /// No rows.
    #[error("has no rows")]
    Empty,
    /// A column that is wanted is not there.
    #[error("has no column `{name}`; its columns are {has}")]
    NoColumn {
        /// Name that is wanted.
        name: String,
        /// Names of the file.
        has: String,
    },
    /// A name that two columns have.
    #[error("has two columns `{name}`")]
    Ambiguous {
        /// The name.
        name: String,
    },
    /// A column whose type is not a counter's.
    #[error("column `{column}` is of type {kind}, which is not a counter")]
    Type {
        /// Name of the column.
        column: String,
        /// Its type.
        kind: String,
    },
    /// A cell that is not a counter.
    #[error("column `{column}`, row {row}: {text} is not an integer of 64 bits")]
    Cell {
        /// Name of the column.
        column: String,
        /// Row, from 1.
        row: usize,
        /// What is there.
        text: String,
    },
    /// A label that is no class.
    #[error("row {row}: label `{text}` is not a class of this model ({outcomes})")]
    Label {
        /// Row, from 1.
        row: usize,
        /// What is there.
        text: String,
        /// Names of the classes.
        outcomes: String,
    },
}

impl DataError {
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Format { .. } => "data files are CSV with a header line, or Parquet",
            Self::Empty => "give data that is like what the model will see",
            Self::NoColumn { .. } | Self::Ambiguous { .. } => {
                "columns are found by name: those of `kinfer.features` in the model's metadata, and the label (--label)"
            }
            Self::Type { .. } | Self::Cell { .. } => {
                "a model takes raw integer counters; put normalisation inside the graph and give it what the kernel counts"
            }
            Self::Label { .. } => {
                "labels are indices of classes, or names of outcomes; is it the right column (--label)?"
            }
        }
    }
}

impl Data {
    /// Reads the columns `features`, in that order, and the column `label`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, a column is missing, or a cell is not an integer: which one.
    pub fn read(path: &Path, features: &[String], label: Option<&str>) -> Result<Self> {
        let wrong = |problem| Error::Data { path: path.into(), problem };
        let unreadable = |source| Error::Read { path: path.into(), source };
        let has = columns(path)?;
        for name in features.iter().map(String::as_str).chain(label) {
            match has.iter().filter(|column| *column == name).count() {
                1 => {}
                0 => return Err(wrong(DataError::NoColumn { name: name.into(), has: has.join(", ") })),
                _ => return Err(wrong(DataError::Ambiguous { name: name.into() })),
            }
        }
        let (counters, labels) = match open(path).map_err(unreadable)? {
            Format::Csv(file) => csv::read(file, features, label),
            Format::Parquet(file) => parquet::read(file, features, label),
        }
        .map_err(wrong)?;
        if counters.is_empty() {
            return Err(wrong(DataError::Empty));
        }
        Ok(Self { path: path.into(), width: features.len(), counters, labels })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.counters.len() / self.width.max(1)
    }

    /// Whether there are no rows; [`Data::read`] refuses such files.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// All rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[i64]> {
        self.counters.chunks_exact(self.width.max(1))
    }

    /// Smallest and largest value of a counter.
    pub fn range(&self, feature: usize) -> (i64, i64) {
        self.rows().map(|row| row[feature]).fold((i64::MAX, i64::MIN), |(lo, hi), x| (lo.min(x), hi.max(x)))
    }

    /// The file's name without its folder.
    pub fn file_name(&self) -> String {
        file_name(&self.path)
    }
}

/// A path's last part, for reports and provenance: folders of the converting machine are nobody's business.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Names of a file's columns, in its order.
///
/// # Errors
///
/// The file cannot be read.
pub fn columns(path: &Path) -> Result<Vec<String>> {
    let unreadable = |source| Error::Read { path: path.into(), source };
    match open(path).map_err(unreadable)? {
        Format::Csv(file) => csv::columns(file),
        Format::Parquet(file) => parquet::columns(file),
    }
    .map_err(|problem| Error::Data { path: path.into(), problem })
}

enum Format {
    Csv(File),
    Parquet(File),
}

fn open(path: &Path) -> io::Result<Format> {
    let mut file = File::open(path)?;
    let mut label = Vec::new();
    Read::by_ref(&mut file).take(4).read_to_end(&mut label)?;
    file.rewind()?;
    Ok(if label == *b"PAR1" { Format::Parquet(file) } else { Format::Csv(file) })
}

/// A whole number that `i64` holds, or nothing.
fn integral(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
}

/// Columns → rows.
fn interleave(columns: &[Vec<i64>]) -> Vec<i64> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv_file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    fn read(text: &str, features: &[&str], label: Option<&str>) -> std::result::Result<Data, String> {
        let features: Vec<_> = features.iter().map(|name| name.to_string()).collect();
        let file = csv_file(text);
        Data::read(file.path(), &features, label).map_err(|error| match error {
            Error::Data { problem, .. } => problem.to_string(),
            other => other.to_string(),
        })
    }

    #[test]
    fn columns_are_found_by_name_and_rows_keep_the_asked_order() {
        let data = read("b,slow,a\n1,0,-2\n3,1,4.0\n", &["a", "b"], Some("slow")).unwrap();
        assert_eq!(data.counters, [-2, 1, 4, 3]);
        assert_eq!(data.labels, Some(Labels::Integers(vec![0, 1])));
        assert_eq!((data.len(), data.range(0)), (2, (-2, 4)));
    }

    #[test]
    fn labels_may_be_names() {
        let data = read("a,kind\n1,fast\n2,slow\n", &["a"], Some("kind")).unwrap();
        assert_eq!(data.labels, Some(Labels::Texts(vec!["fast".into(), "slow".into()])));
    }

    #[test]
    fn a_cell_that_is_no_counter_is_named_by_column_and_row() {
        let error = read("a,b\n1,2\n3,0.25\n", &["a", "b"], None).unwrap_err();
        assert_eq!(error, "column `b`, row 2: `0.25` is not an integer of 64 bits");
        let error = read("a\n9223372036854775808\n", &["a"], None).unwrap_err();
        assert_eq!(error, "column `a`, row 1: `9223372036854775808` is not an integer of 64 bits");
        let error = read("a,b\n,2\n", &["a", "b"], None).unwrap_err();
        assert_eq!(error, "column `a`, row 1: `` is not an integer of 64 bits");
    }

    #[test]
    fn what_is_missing_twice_or_empty_is_said() {
        assert_eq!(read("a,b\n1,2\n", &["c"], None).unwrap_err(), "has no column `c`; its columns are a, b");
        assert_eq!(read("a,a\n1,2\n", &["a"], None).unwrap_err(), "has two columns `a`");
        assert_eq!(read("a,b\n", &["a"], None).unwrap_err(), "has no rows");
    }
}
