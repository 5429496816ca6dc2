//! Rows of raw counters from CSV, Parquet and NumPy files.
//!
//! Columns are found by name; arrays have none and are taken in order. A column of floats becomes counters by its
//! [resolution].

mod array;
mod cells;
mod csv;
mod error;
mod numpy;
mod parquet;
pub mod resolution;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use self::cells::Cells;
pub use self::error::DataError;
pub use self::resolution::Unit;
use crate::error::{Error, Result};

/// Columns beyond this are no rows of counters: the format has 65,536 elements a tensor.
const MOST_COLUMNS: usize = 1 << 16;

/// Rows of raw counters, with the truth of each where it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// File it is from.
    pub path: PathBuf,
    /// Counters a row.
    pub width: usize,
    /// Row after row.
    pub counters: Vec<i64>,
    /// What one count of each column is worth: a cell was `counter · resolution`.
    pub resolutions: Vec<f64>,
    /// Largest error of a column's counters as a share of its range: 0 where its cells are multiples of the resolution.
    pub rounding: Vec<f64>,
    /// The label column.
    pub labels: Option<Labels>,
}

/// The label column, as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Integers: labels or indices of classes, or targets of a regression.
    Integers(Vec<i64>),
    /// Targets of a regression.
    Numbers(Vec<f64>),
    /// Names of classes.
    Texts(Vec<String>),
}

/// A column that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What one count is worth; nothing for the one that fits the cells, see [`Data::read_choosing`].
    pub resolution: Option<f64>,
}

/// A name alone is a column of integers.
impl From<&String> for Column {
    fn from(name: &String) -> Self {
        Self { name: name.clone(), resolution: Some(1.0) }
    }
}

impl From<&Column> for Column {
    fn from(column: &Column) -> Self {
        column.clone()
    }
}

impl Column {
    /// The column of a feature: the resolution is that of the unit field.
    pub fn of_schema(name: &str, unit: &str) -> Self {
        Self { name: name.into(), resolution: Some(Unit::parse(unit).resolution) }
    }
}

impl Data {
    /// Reads `columns`, in that order, and the column `label`. A cell becomes `value / resolution`, rounded to the nearest
    /// integer and saturated to 64 bits.
    ///
    /// An array has no names: its columns are `columns` in order, and the label is `y` whatever it is called.
    ///
    /// # Errors
    ///
    /// The file cannot be read, a column is missing, or a cell is not a finite number: which one.
    pub fn read<'a, C>(path: &Path, columns: &'a [C], label: Option<&str>) -> Result<Self>
    where
        Column: From<&'a C>,
    {
        let columns: Vec<Column> = columns.iter().map(Column::from).collect();
        read(path, &columns, label)
    }

    /// As [`Data::read`], with the resolution that fits the cells for every column that has none: 1 for integers, else the
    /// coarsest decimal of which every cell is a multiple, else one with at least 2^24 steps over the column's range.
    ///
    /// # Errors
    ///
    /// As [`Data::read`].
    pub fn read_choosing(path: &Path, names: &[String], given: &[Option<f64>], label: Option<&str>) -> Result<Self> {
        let given = given.iter().copied().chain(std::iter::repeat(None));
        let columns = names.iter().zip(given).map(|(name, resolution)| Column { name: name.clone(), resolution });
        read(path, &columns.collect::<Vec<_>>(), label)
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

    /// The features of a row in their units, as the file had them.
    pub fn features(&self, row: &[i64]) -> Vec<f64> {
        row.iter().zip(&self.resolutions).map(|(&counter, resolution)| counter as f64 * resolution).collect()
    }

    /// Smallest and largest value of a counter.
    pub fn range(&self, feature: usize) -> (i64, i64) {
        let column = self.rows().filter_map(|row| row.get(feature));
        column.fold((i64::MAX, i64::MIN), |(lo, hi), &x| (lo.min(x), hi.max(x)))
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

/// Names of a file's columns, in its order. The columns of an array are `feature_0`, `feature_1`, …, with `y` behind them
/// where the file has a label.
///
/// # Errors
///
/// The file cannot be read.
pub fn columns(path: &Path) -> Result<Vec<String>> {
    let opened = open(path).map_err(|source| Error::Read { path: path.into(), source })?;
    let header = opened.header().map_err(|problem| Error::Data { path: path.into(), problem })?;
    Ok(match header {
        Header::Named(names) => names,
        Header::ByPlace { columns, label } => {
            let label = label.then(|| numpy::LABEL.to_owned());
            (0..columns).map(|column| format!("feature_{column}")).chain(label).collect()
        }
    })
}

/// Whether a file has the label `name`; arrays have any, where they have `y`.
///
/// # Errors
///
/// The file cannot be read.
pub fn has_label(path: &Path, name: &str) -> Result<bool> {
    let opened = open(path).map_err(|source| Error::Read { path: path.into(), source })?;
    match opened.header().map_err(|problem| Error::Data { path: path.into(), problem })? {
        Header::Named(names) => Ok(names.iter().any(|there| there == name)),
        Header::ByPlace { label, .. } => Ok(label),
    }
}

/// What a file says of its columns before they are read.
enum Header {
    Named(Vec<String>),
    ByPlace { columns: usize, label: bool },
}

/// The label column before its type is known.
enum LabelCells {
    Numbers(Cells),
    Texts(Vec<String>),
}

/// A file, by its first bytes.
enum Format {
    Csv(File),
    Parquet(File),
    Npy(File),
    Npz(File),
    Gzip,
}

fn open(path: &Path) -> io::Result<Format> {
    let mut file = File::open(path)?;
    let mut begins = Vec::new();
    Read::by_ref(&mut file).take(4).read_to_end(&mut begins)?;
    file.rewind()?;
    Ok(match &begins[..] {
        b"PAR1" => Format::Parquet(file),
        b"\x93NUM" => Format::Npy(file),
        [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => Format::Npz(file),
        [0x1f, 0x8b, ..] => Format::Gzip,
        _ => Format::Csv(file),
    })
}

impl Format {
    fn header(self) -> std::result::Result<Header, DataError> {
        match self {
            Self::Csv(file) => csv::header(file),
            Self::Parquet(file) => parquet::header(file),
            Self::Npy(file) => numpy::npy::header(file),
            Self::Npz(file) => numpy::npz::header(file),
            Self::Gzip => Err(packed()),
        }
    }

    fn read(
        self,
        features: &[usize],
        label: Option<usize>,
    ) -> std::result::Result<(Vec<Cells>, Option<LabelCells>), DataError> {
        match self {
            Self::Csv(file) => csv::read(file, features, label),
            Self::Parquet(file) => parquet::read(file, features, label),
            Self::Npy(file) => Ok((numpy::npy::read(file, features)?, None)),
            Self::Npz(file) => numpy::npz::read(file, features, label),
            Self::Gzip => Err(packed()),
        }
    }
}

fn packed() -> DataError {
    DataError::Format { format: "data", detail: "it is compressed with gzip; unpack it first".into() }
}

fn read(path: &Path, columns: &[Column], label: Option<&str>) -> Result<Data> {
    let wrong = |problem| Error::Data { path: path.into(), problem };
    let unreadable = |source| Error::Read { path: path.into(), source };
    let header = open(path).map_err(unreadable)?.header().map_err(wrong)?;
    let (places, label_place) = header.places(columns, label).map_err(wrong)?;
    let (cells, label_cells) = open(path).map_err(unreadable)?.read(&places, label_place).map_err(wrong)?;
    let labels = label_cells.map(|cells| match cells {
        LabelCells::Numbers(cells) => cells.into_labels(label.unwrap_or_default()),
        LabelCells::Texts(texts) => Ok(Labels::Texts(texts)),
    });
    let labels = labels.transpose().map_err(wrong)?;
    even(columns, &cells, labels.as_ref()).map_err(wrong)?;

    let mut data = Data {
        path: path.into(),
        width: columns.len(),
        counters: vec![],
        resolutions: vec![],
        rounding: vec![],
        labels,
    };
    let mut counted = Vec::with_capacity(columns.len());
    for (cells, Column { name, resolution }) in cells.into_iter().zip(columns) {
        let column = cells.into_counters(name, *resolution).map_err(wrong)?;
        counted.push(column.counters);
        data.resolutions.push(column.resolution);
        data.rounding.push(column.rounding);
    }
    data.counters = interleave(&counted);
    if data.counters.is_empty() {
        return Err(wrong(DataError::Empty));
    }
    Ok(data)
}

impl Header {
    /// Where the columns and the label are.
    fn places(
        &self,
        columns: &[Column],
        label: Option<&str>,
    ) -> std::result::Result<(Vec<usize>, Option<usize>), DataError> {
        match self {
            Self::ByPlace { columns: is, label: has_label } => {
                if *is != columns.len() {
                    return Err(DataError::Width { is: *is, wants: columns.len() });
                }
                match label {
                    Some(_) if !has_label => Err(DataError::NoLabel),
                    _ => Ok(((0..*is).collect(), label.map(|_| *is))),
                }
            }
            Self::Named(names) => {
                let mut missing = Vec::new();
                let mut place = |name: &str| {
                    let mut there = names.iter().enumerate().filter(|(_, column)| *column == name);
                    match (there.next(), there.next()) {
                        (Some((place, _)), None) => Ok(place),
                        (Some(_), Some(_)) => Err(DataError::Ambiguous { name: name.into() }),
                        (None, _) => {
                            missing.push(name.to_owned());
                            Ok(0)
                        }
                    }
                };
                let places = columns.iter().map(|column| place(&column.name)).collect::<std::result::Result<_, _>>()?;
                let label = label.map(place).transpose()?;
                match &missing[..] {
                    [] => Ok((places, label)),
                    _ => Err(DataError::NoColumn { missing, has: names.clone() }),
                }
            }
        }
    }
}

/// Columns and label have as many rows as one another; only arrays may not.
fn even(columns: &[Column], cells: &[Cells], labels: Option<&Labels>) -> std::result::Result<(), DataError> {
    let (Some(first), Some(Column { name, .. })) = (cells.first().map(Cells::len), columns.first()) else {
        return Ok(());
    };
    let label_rows = labels.map(|labels| match labels {
        Labels::Integers(integers) => integers.len(),
        Labels::Numbers(numbers) => numbers.len(),
        Labels::Texts(texts) => texts.len(),
    });
    let others = columns.iter().map(|column| column.name.as_str()).zip(cells.iter().map(Cells::len));
    match others.chain(label_rows.map(|rows| ("label", rows))).find(|(_, rows)| *rows != first) {
        Some((other, rows)) => {
            let detail = format!("`{other}` has {rows} rows, `{name}` has {first}");
            Err(DataError::Format { format: "NPZ", detail })
        }
        None => Ok(()),
    }
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

    fn sentence(error: Error) -> String {
        match error {
            Error::Data { problem, .. } => problem.to_string(),
            other => other.to_string(),
        }
    }

    fn read(text: &str, features: &[&str], label: Option<&str>) -> std::result::Result<Data, String> {
        let features: Vec<_> = features.iter().map(|name| name.to_string()).collect();
        Data::read(csv_file(text).path(), &features, label).map_err(sentence)
    }

    #[test]
    fn columns_are_found_by_name_and_rows_keep_the_asked_order() {
        let data = read("b,slow,a\n1,0,-2\n3,1,4.0\n", &["a", "b"], Some("slow")).unwrap();
        assert_eq!(data.counters, [-2, 1, 4, 3]);
        assert_eq!(data.labels, Some(Labels::Integers(vec![0, 1])));
        assert_eq!((data.len(), data.range(0)), (2, (-2, 4)));
    }

    #[test]
    fn labels_may_be_names_or_targets() {
        let labels = |text: &str| read(text, &["a"], Some("label")).unwrap().labels.unwrap();
        assert_eq!(labels("a,label\n1,fast\n2,slow\n"), Labels::Texts(vec!["fast".into(), "slow".into()]));
        assert_eq!(labels("a,label\n1,0.5\n2,3\n"), Labels::Numbers(vec![0.5, 3.0]));
        assert_eq!(labels("a,label\n1,1.0\n2,0.0\n"), Labels::Integers(vec![1, 0]));
        assert_eq!(labels("a,label\n1,1\n2,\n"), Labels::Texts(vec!["1".into(), String::new()]));
    }

    #[test]
    fn a_cell_is_divided_by_the_resolution_rounded_and_saturated() {
        let file = csv_file("a,b\n5.1,1000\n-0.26,1499\n9e300,-1501\n");
        let columns = [Column { name: "a".into(), resolution: Some(0.1) }, Column::of_schema("b", "1e3 m")];
        let data = Data::read(file.path(), &columns, None).unwrap();
        assert_eq!(data.counters, [51, 1, -3, 1, i64::MAX, -2]);
        assert_eq!(data.resolutions, [0.1, 1000.0]);
        let features = data.features(&[51, 1]);
        assert!((features[0] - 5.1).abs() < 1e-12 && features[1] == 1000.0, "{features:?}");
        assert_eq!(
            read("a\n9223372036854775807\n9223372036854775808\n", &["a"], None).unwrap().counters,
            [i64::MAX; 2]
        );
    }

    #[test]
    fn rounding_is_told_as_a_share_of_the_range() {
        assert_eq!(read("a\n0.0\n0.4\n1.0\n", &["a"], None).unwrap().rounding, [0.4]);
        assert_eq!(read("a\n0.0\n4\n10.0\n", &["a"], None).unwrap().rounding, [0.0]);
    }

    #[test]
    fn a_resolution_that_is_not_given_fits_the_cells() {
        let file = csv_file("petal,count,third\n5.1,3,0.000000003333\n4.95,-4,33.333333333333\n");
        let names = ["petal", "count", "third"].map(String::from);
        let data = Data::read_choosing(file.path(), &names, &[], None).unwrap();
        assert_eq!(data.resolutions, [0.01, 1.0, 1e-6]);
        assert_eq!(data.counters, [510, 3, 0, 495, -4, 33_333_333]);
        let given = Data::read_choosing(file.path(), &names, &[Some(0.5), None, None], None).unwrap();
        assert_eq!((given.resolutions[0], given.counters[0]), (0.5, 10));
    }

    #[test]
    fn a_cell_that_is_no_number_is_named_by_column_and_row() {
        let error = read("a,b\n1,2\n3,fast\n", &["a", "b"], None).unwrap_err();
        assert_eq!(error, "column `b`, row 2: `fast` is not a finite number");
        let error = read("a,b\n,2\nnan,2\ninf,3\n", &["a", "b"], None).unwrap_err();
        assert_eq!(error, "column `a`, row 1: an empty cell is not a finite number (and 2 more such cells)");
    }

    #[test]
    fn what_is_missing_twice_or_empty_is_said() {
        assert_eq!(read("a,b\n1,2\n", &["c"], None).unwrap_err(), "has no column `c`; its columns are a, b");
        let error = read("Queue Depth,b\n1,2\n", &["queue_depth", "c"], None).unwrap_err();
        assert_eq!(error, "has no columns `queue_depth` (but `Queue Depth`), `c`; its columns are Queue Depth, b");
        assert_eq!(read("a,b\n1,2\n", &["a"], Some("slow")).unwrap_err(), "has no column `slow`; its columns are a, b");
        assert_eq!(read("a,a\n1,2\n", &["a"], None).unwrap_err(), "has two columns `a`");
        assert_eq!(read("a,b\n", &["a"], None).unwrap_err(), "has no rows");
        assert_eq!(read("", &["a"], None).unwrap_err(), "has no rows");
    }

    #[test]
    fn files_that_are_almost_csv_are_told_apart() {
        assert_eq!(read("\u{feff}a,b\n1,2\n", &["a"], None).unwrap().counters, [1]);
        let error = read("a;b\n1;2\n", &["a"], None).unwrap_err();
        assert_eq!(error, "cannot be read as CSV: columns are separated by ';'");
        let error = read("a,b\n1\n", &["a"], None).unwrap_err();
        assert_eq!(error, "cannot be read as CSV: line 2 has 1 cells, the lines before have 2");
        let error = read("1,2.5\n3,4\n", &["a"], None).unwrap_err();
        assert_eq!(error, "cannot be read as CSV: its first line holds numbers, not the names of the columns");
        assert_eq!(read("0,1\n3,4\n", &["1"], None).unwrap().counters, [4]);
        let file = csv_file("");
        std::fs::write(&file, b"\x1f\x8b\x08\x00").unwrap();
        let error = sentence(Data::read(file.path(), &["a".to_owned()], None).unwrap_err());
        assert!(error.contains("gzip"), "{error}");
    }
}
