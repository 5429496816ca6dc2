//! Rows of raw counters from CSV.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Which columns hold the counters. The first line names the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// All of them, in the file's order.
    All,
    /// These, in this order; others (a label, for example) are not read.
    Named(Vec<String>),
}

/// Rows of `i64` counters, read one at a time.
pub struct Rows {
    records: csv::StringRecordsIntoIter<Box<dyn Read>>,
    /// Name and place in the record of each counter.
    columns: Vec<(String, usize)>,
}

impl Rows {
    /// Opens `path`, or standard input where it is `-`.
    pub fn open(path: &Path, columns: &Columns) -> Result<Self, RowError> {
        let input: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|error| RowError::Read(error.into()))?)
        };
        Self::from_reader(input, columns)
    }

    /// Reads the first line and finds the columns.
    pub fn from_reader(input: Box<dyn Read>, columns: &Columns) -> Result<Self, RowError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
        let header = reader.headers().map_err(RowError::Read)?;
        let columns = choose(header, columns)?;
        Ok(Self { records: reader.into_records(), columns })
    }

    /// Names of the columns read, in the order of the counters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }
}

fn choose(header: &csv::StringRecord, columns: &Columns) -> Result<Vec<(String, usize)>, RowError> {
    let Columns::Named(names) = columns else {
        return Ok(header.iter().map(str::to_owned).zip(0..).collect());
    };
    let place = |name: &String| match header.iter().position(|column| column == name) {
        Some(place) => Ok((name.clone(), place)),
        None => Err(RowError::NoColumn { name: name.clone(), has: header.iter().collect::<Vec<_>>().join(", ") }),
    };
    names.iter().map(place).collect()
}

impl Iterator for Rows {
    type Item = Result<Vec<i64>, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = match self.records.next()? {
            Ok(record) => record,
            Err(error) => return Some(Err(RowError::Read(error))),
        };
        let line = record.position().map_or(0, csv::Position::line);
        let counter = |(name, place): &(String, usize)| {
            let text = record.get(*place).unwrap_or_default();
            text.parse().map_err(|_| RowError::NotACounter { line, column: name.clone(), text: text.to_owned() })
        };
        Some(self.columns.iter().map(counter).collect())
    }
}

/// Why rows cannot be read. The caller adds the file's name.
#[derive(Debug)]
pub enum RowError {
    /// The file cannot be read, or is not CSV.
    Read(csv::Error),
    /// A column that was asked for is not there.
    NoColumn {
        /// The name asked for.
        name: String,
        /// The names of the header.
        has: String,
    },
    /// A field that is not a whole number of 64 bits.
    NotACounter {
        /// Line of the file, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What is there.
        text: String,
    },
}

impl std::error::Error for RowError {}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::NoColumn { name, has } => {
                write!(f, "no column `{name}`; the first line names {has}")
            }
            Self::NotACounter { line, column, text } => {
                write!(f, "line {line}, column `{column}`: `{text}` is not a whole number of 64 bits")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str, columns: &Columns) -> Result<Vec<Vec<i64>>, RowError> {
        Rows::from_reader(Box::new(text.as_bytes()), columns)?.collect()
    }

    #[test]
    fn named_columns_come_in_the_order_asked_for() {
        let columns = Columns::Named(vec!["depth".into(), "size".into()]);
        let rows = read("size,slow,depth\n4096,1,-7\n512,0,9\n", &columns).unwrap();
        assert_eq!(rows, [[-7, 4096], [9, 512]]);
    }

    #[test]
    fn columns_that_are_not_asked_for_are_not_read() {
        let rows = read("size,note\n4096,not a number\n", &Columns::Named(vec!["size".into()])).unwrap();
        assert_eq!(rows, [[4096]]);
    }

    #[test]
    fn a_bad_field_is_named_by_line_and_column() {
        let error = read("size,depth\n1,2\n3,4.5\n", &Columns::All).unwrap_err();
        assert_eq!(error.to_string(), "line 3, column `depth`: `4.5` is not a whole number of 64 bits");
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = read("size\n1\n", &Columns::Named(vec!["depth".into()])).unwrap_err();
        assert_eq!(error.to_string(), "no column `depth`; the first line names size");
    }
}
