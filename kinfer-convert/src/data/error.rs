//! What is wrong with a data file, and what to do about it.

use thiserror::Error;

/// What is wrong with a data file. Rows count from 1, without a header.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DataError {
    /// Not of its format.
    #[error("cannot be read as {format}: {detail}")]
    Format {
        /// CSV, Parquet, NPY or NPZ.
        format: &'static str,
        /// What the reader says.
        detail: String,
    },
    /// No rows.
    #[error("has no rows")]
    Empty,
    /// Columns that are wanted are not there.
    #[error("{}", no_column(missing, has))]
    NoColumn {
        /// Names that are wanted.
        missing: Vec<String>,
        /// Names of the file.
        has: Vec<String>,
    },
    /// A label is wanted of arrays that have none.
    #[error("has no label: it is an array without names")]
    NoLabel,
    /// An array with another number of columns than there are features.
    #[error("has {is} values a row, the model takes {wants} features")]
    Width {
        /// Values a row.
        is: usize,
        /// Features of the model.
        wants: usize,
    },
    /// A name that two columns have.
    #[error("has two columns `{name}`")]
    Ambiguous {
        /// The name.
        name: String,
    },
    /// A column whose type is not a number's.
    #[error("column `{column}` is of type {kind}, which is not a number")]
    Type {
        /// Name of the column.
        column: String,
        /// Its type.
        kind: String,
    },
    /// A cell that is not a finite number.
    #[error("column `{column}`, row {row}: {text} is not a finite number{}", more(*others))]
    Cell {
        /// Name of the column.
        column: String,
        /// Row, from 1, of the first such cell.
        row: usize,
        /// What is there.
        text: String,
        /// How many more such cells the column has.
        others: usize,
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
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Format { .. } => {
                "data files are CSV in UTF-8 with a header line and commas, Parquet, NPY, or NPZ with one array, with X and y, or with \
                 one array a feature"
            }
            Self::Empty => "give data that is like what the model will see",
            Self::NoColumn { .. } | Self::Ambiguous { .. } => {
                "columns are found by name, in any order, and others are left alone: the features' names are those of the \
                 model (`kinfer.features` of its metadata, or the schema of a .kinf), the label's is given by --label; the \
                 first line of a CSV file holds the names"
            }
            Self::NoLabel => "use an NPZ file with the arrays X and y, or a format with column names",
            Self::Width { .. } => {
                "columns of an array are the features in the model's order; keep the label in an array y of its own (NPZ)"
            }
            Self::Type { .. } => "a feature is an integer, a float or a boolean; encode categories as in training",
            Self::Cell { .. } => {
                "a kernel's counters are never missing: leave such rows out, or fill them as training did"
            }
            Self::Label { .. } => {
                "labels are indices of classes, or names of outcomes; is it the right column (--label)?"
            }
        }
    }
}

fn more(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " (and one more such cell)".into(),
        _ => format!(" (and {count} more such cells)"),
    }
}

fn no_column(missing: &[String], has: &[String]) -> String {
    const SHOWN: usize = 40;
    let alike = |a: &str, b: &str| {
        let plain = |text: &str| -> String {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        plain(a) == plain(b)
    };
    let wanted: Vec<_> = missing
        .iter()
        .map(|name| match has.iter().find(|there| alike(there, name)) {
            Some(there) => format!("`{name}` (but `{there}`)"),
            None => format!("`{name}`"),
        })
        .collect();
    let columns = if missing.len() == 1 { "column" } else { "columns" };
    let shown: Vec<_> = has.iter().take(SHOWN).map(String::as_str).collect();
    let more = has.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("has no {columns} {}; its columns are {}{more}", wanted.join(", "), shown.join(", "))
}
