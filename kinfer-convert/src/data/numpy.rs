//! NumPy files: one array, or several in a ZIP file.
//!
//! Columns of an array have no names, and are the features in the model's order. An NPZ file holds one such array, or `X`
//! and a label `y`, or an array of one column for each name.

use std::fs::File;
use std::io::{BufReader, Read};

use zip::ZipArchive;

use super::array::{Description, malformed};
use super::{Cells, DataError, Header, LabelCells, MOST_COLUMNS};

/// Name of the label in a file of `X` and `y`.
pub(super) const LABEL: &str = "y";

pub(super) mod npy {
    use super::*;

    pub(in super::super) fn header(file: File) -> Result<Header, DataError> {
        let (_, columns) = Description::read(&mut BufReader::new(file))?.rows_and_columns()?;
        by_place(columns, false)
    }

    pub(in super::super) fn read(file: File, features: &[usize]) -> Result<Vec<Cells>, DataError> {
        let mut from = BufReader::new(file);
        Description::read(&mut from)?.columns(&mut from, "array", features)
    }
}

pub(super) mod npz {
    use super::*;

    pub(in super::super) fn header(file: File) -> Result<Header, DataError> {
        let mut archive = open(file)?;
        match Layout::of(&archive) {
            Layout::One(array) | Layout::Rows { array, label: None } => by_place(width(&mut archive, &array)?, false),
            Layout::Rows { array, label: Some(_) } => by_place(width(&mut archive, &array)?, true),
            Layout::Columns(names) => Ok(Header::Named(names)),
        }
    }

    pub(in super::super) fn read(
        file: File,
        features: &[usize],
        label: Option<usize>,
    ) -> Result<(Vec<Cells>, Option<LabelCells>), DataError> {
        let mut archive = open(file)?;
        match Layout::of(&archive) {
            Layout::One(array) => Ok((rows(&mut archive, &array, features)?, None)),
            Layout::Rows { array, label: there } => {
                let columns = rows(&mut archive, &array, features)?;
                let name = there.filter(|_| label.is_some());
                Ok((columns, name.map(|name| labels(&mut archive, &name)).transpose()?))
            }
            Layout::Columns(names) => {
                let name = |place: usize| names.get(place).ok_or_else(|| malformed("it has changed while it was read"));
                let column = |archive: &mut _, &place: &usize| {
                    let name = name(place)?;
                    let cells = array(archive, name, |description, from| match description.rows_and_columns()? {
                        (_, 1) => description.columns(from, name, &[0]),
                        (_, columns) => {
                            Err(malformed(&format!("`{name}` has {columns} columns; an array a feature has one")))
                        }
                    })?;
                    Ok(cells.into_iter().next().unwrap_or_default())
                };
                let columns: Result<_, _> = features.iter().map(|place| column(&mut archive, place)).collect();
                let labels = label.map(|place| labels(&mut archive, name(place)?)).transpose()?;
                Ok((columns?, labels))
            }
        }
    }
}

/// What the arrays of a file are.
enum Layout {
    /// Features, in one array.
    One(String),
    /// Features and perhaps a label.
    Rows { array: String, label: Option<String> },
    /// A feature or a label each.
    Columns(Vec<String>),
}

impl Layout {
    fn of(archive: &ZipArchive<File>) -> Self {
        let names: Vec<_> =
            archive.file_names().filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_owned())).collect();
        let find = |wanted: &str| names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).cloned();
        match (&names[..], find("X"), find(LABEL)) {
            ([one], _, _) => Self::One(one.clone()),
            ([_, _], Some(array), label @ Some(_)) => Self::Rows { array, label },
            _ => Self::Columns(names),
        }
    }
}

fn open(file: File) -> Result<ZipArchive<File>, DataError> {
    ZipArchive::new(file).map_err(unreadable)
}

/// Reads one array of the archive.
fn array<T>(
    archive: &mut ZipArchive<File>,
    name: &str,
    read: impl FnOnce(&Description, &mut dyn Read) -> Result<T, DataError>,
) -> Result<T, DataError> {
    let file = archive.by_name(&format!("{name}.npy")).map_err(unreadable)?;
    let mut from = BufReader::new(file);
    let description = Description::read(&mut from)?;
    read(&description, &mut from)
}

fn width(archive: &mut ZipArchive<File>, name: &str) -> Result<usize, DataError> {
    Ok(array(archive, name, |description, _| description.rows_and_columns())?.1)
}

fn rows(archive: &mut ZipArchive<File>, name: &str, features: &[usize]) -> Result<Vec<Cells>, DataError> {
    array(archive, name, |description, from| description.columns(from, name, features))
}

fn labels(archive: &mut ZipArchive<File>, name: &str) -> Result<LabelCells, DataError> {
    array(archive, name, |description, from| description.labels(from, name))
}

fn by_place(columns: usize, label: bool) -> Result<Header, DataError> {
    if columns > MOST_COLUMNS {
        return Err(malformed(&format!(
            "it has {columns} values a row; a model takes at most {MOST_COLUMNS} features"
        )));
    }
    Ok(Header::ByPlace { columns, label })
}

fn unreadable(error: impl std::fmt::Display) -> DataError {
    DataError::Format { format: "NPZ", detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use npyz::{Order, WriterBuilder};
    use zip::write::SimpleFileOptions;

    use super::super::{Data, Labels};
    use crate::Error;

    fn npy<T: npyz::AutoSerialize + Copy>(values: &[T], shape: &[u64], order: Order) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let options = npyz::WriteOptions::new().default_dtype().shape(shape).order(order).writer(&mut bytes);
        let mut writer = options.begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
        bytes.into_inner()
    }

    fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in arrays {
            archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn read(bytes: &[u8], names: &[&str], label: Option<&str>) -> Result<Data, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, bytes).unwrap();
        let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
        Data::read(file.path(), &names, label).map_err(|error| match error {
            Error::Data { problem, .. } => problem.to_string(),
            other => other.to_string(),
        })
    }

    #[test]
    fn columns_of_an_array_are_the_features_in_order_whichever_order_it_is_stored_in() {
        let rows = read(&npy(&[1i64, 2, 3, 4, 5, 6], &[3, 2], Order::C), &["a", "b"], None).unwrap();
        assert_eq!(rows.counters, [1, 2, 3, 4, 5, 6]);
        let columns = read(&npy(&[1i64, 3, 5, 2, 4, 6], &[3, 2], Order::Fortran), &["a", "b"], None).unwrap();
        assert_eq!(columns.counters, rows.counters);
    }

    #[test]
    fn every_type_of_number_is_read() {
        let one = |bytes: Vec<u8>| read(&bytes, &["a"], None).unwrap().counters;
        assert_eq!(one(npy(&[-3i8, 127], &[2, 1], Order::C)), [-3, 127]);
        assert_eq!(one(npy(&[-300i16, 7], &[2, 1], Order::C)), [-300, 7]);
        assert_eq!(one(npy(&[i32::MIN, 7], &[2, 1], Order::C)), [i64::from(i32::MIN), 7]);
        assert_eq!(one(npy(&[200u8, 7], &[2, 1], Order::C)), [200, 7]);
        assert_eq!(one(npy(&[60_000u16, 7], &[2, 1], Order::C)), [60_000, 7]);
        assert_eq!(one(npy(&[u32::MAX, 7], &[2, 1], Order::C)), [i64::from(u32::MAX), 7]);
        assert_eq!(one(npy(&[u64::MAX, 7], &[2], Order::C)), [i64::MAX, 7]);
        assert_eq!(one(npy(&[-4.0f32, 7.4], &[2, 1], Order::C)), [-4, 7]);
        assert_eq!(one(npy(&[1e18f64, -7.6], &[2, 1], Order::C)), [1_000_000_000_000_000_000, -8]);
        assert_eq!(one(npy(&[true, false], &[2, 1], Order::C)), [1, 0]);
    }

    #[test]
    fn x_and_y_are_features_and_label_whatever_the_label_is_called() {
        let x = npy(&[1.0f32, 2.0, 3.0, 4.0], &[2, 2], Order::C);
        let file = npz(&[("X", x.clone()), ("y", npy(&[1i64, 0], &[2], Order::C))]);
        let data = read(&file, &["a", "b"], Some("slow")).unwrap();
        assert_eq!((data.counters, data.labels), (vec![1, 2, 3, 4], Some(Labels::Integers(vec![1, 0]))));
        let targets = npz(&[("X", x.clone()), ("y", npy(&[0.5f64, 2.0], &[2], Order::C))]);
        assert_eq!(read(&targets, &["a", "b"], Some("y")).unwrap().labels, Some(Labels::Numbers(vec![0.5, 2.0])));
        let alone = npz(&[("arr_0", x)]);
        assert_eq!(read(&alone, &["a", "b"], None).unwrap().counters, [1, 2, 3, 4]);
        assert!(read(&alone, &["a", "b"], Some("slow")).unwrap_err().contains("has no label"));
    }

    #[test]
    fn an_array_a_feature_is_found_by_name() {
        let column = |values: &[i32]| npy(values, &[values.len() as u64], Order::C);
        let file = npz(&[("slow", column(&[0, 1])), ("b", column(&[3, 4])), ("a", column(&[1, 2]))]);
        let data = read(&file, &["a", "b"], Some("slow")).unwrap();
        assert_eq!((data.counters, data.labels), (vec![1, 3, 2, 4], Some(Labels::Integers(vec![0, 1]))));
        assert_eq!(read(&file, &["a", "c"], None).unwrap_err(), "has no column `c`; its columns are slow, b, a");
        let uneven = npz(&[("a", column(&[1, 2])), ("b", column(&[1])), ("c", column(&[1, 2]))]);
        let error = read(&uneven, &["a", "b"], None).unwrap_err();
        assert!(error.contains("`b` has 1 rows, `a` has 2"), "{error}");
    }

    #[test]
    fn labels_may_be_texts() {
        // numpy.array(["fast", "slow"])
        let mut text = b"\x93NUMPY\x01\x00".to_vec();
        let header = "{'descr': '<U4', 'fortran_order': False, 'shape': (2,), }\n";
        text.extend((header.len() as u16).to_le_bytes());
        text.extend(header.bytes());
        text.extend("fastslow".bytes().flat_map(|letter| u32::from(letter).to_le_bytes()));
        let file = npz(&[("x", npy(&[1i8, 2], &[2, 1], Order::C)), ("Y", text)]);
        let labels = read(&file, &["a"], Some("kind")).unwrap().labels;
        assert_eq!(labels, Some(Labels::Texts(vec!["fast".into(), "slow".into()])));
    }

    #[test]
    fn what_is_wrong_with_an_array_is_said() {
        let array = npy(&[1.0f32, f32::NAN, 3.0, f32::NAN], &[2, 2], Order::C);
        let error = read(&array, &["a", "b"], None).unwrap_err();
        assert_eq!(error, "column `b`, row 1: `NaN` is not a finite number (and one more such cell)");
        let error = read(&array, &["a"], None).unwrap_err();
        assert_eq!(error, "has 2 values a row, the model takes 1 features");
        let error = read(&array[..array.len() - 1], &["a", "b"], None).unwrap_err();
        assert!(error.contains("ends before the array does"), "{error}");
        let error = read(&npy::<f32>(&[], &[0, 2], Order::C), &["a", "b"], None).unwrap_err();
        assert_eq!(error, "has no rows");
        let error = read(b"PK\x03\x04 and no more", &["a"], None).unwrap_err();
        assert!(error.contains("cannot be read as NPZ"), "{error}");
    }

    #[test]
    fn no_bytes_panic() {
        let good = npz(&[("a", npy(&[1i64, 2, 3, 4], &[2, 2], Order::C))]);
        let array = npy(&[1i64, 2, 3, 4], &[2, 2], Order::C);
        for bytes in [good, array] {
            for at in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x3f;
                _ = read(&damaged, &["a", "b"], Some("y"));
                _ = read(&bytes[..at], &["a", "b"], Some("y"));
            }
        }
    }
}
