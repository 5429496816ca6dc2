//! CSV with a header line.

use std::fs::File;
use std::num::IntErrorKind;

use super::{Cells, DataError, Header, LabelCells};

pub(super) fn header(file: File) -> Result<Header, DataError> {
    let names: Vec<_> = reader(file).headers().map_err(unreadable)?.iter().map(str::to_owned).collect();
    if names.is_empty() {
        return Err(DataError::Empty);
    }
    let separated = |by: char| names.len() == 1 && names.iter().any(|name| name.contains(by));
    if let Some(by) = [';', '\t'].into_iter().find(|&by| separated(by)) {
        return Err(DataError::Format { format: "CSV", detail: format!("columns are separated by {by:?}") });
    }
    if is_row(&names) {
        let detail = "its first line holds numbers, not the names of the columns".into();
        return Err(DataError::Format { format: "CSV", detail });
    }
    Ok(Header::Named(names))
}

/// Whether the first line is one of numbers. Columns without names are written as 0, 1, 2, … by some programs.
fn is_row(names: &[String]) -> bool {
    let counted = names.iter().enumerate().all(|(at, name)| *name == at.to_string());
    !counted && names.iter().all(|name| name.parse::<f64>().is_ok())
}

pub(super) fn read(
    file: File,
    features: &[usize],
    label: Option<usize>,
) -> Result<(Vec<Cells>, Option<LabelCells>), DataError> {
    let mut reader = reader(file);
    let mut columns = vec![Cells::default(); features.len()];
    let mut labels = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(unreadable)? {
        for (column, &place) in columns.iter_mut().zip(features) {
            push(column, record.get(place).unwrap_or_default());
        }
        labels.extend(label.map(|place| record.get(place).unwrap_or_default().to_owned()));
    }
    Ok((columns, label.map(|_| label_cells(labels))))
}

fn push(cells: &mut Cells, text: &str) {
    match text.parse::<i64>() {
        Ok(counter) => return cells.push_integer(counter),
        // As a float it would lose its last digits.
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => return cells.push_integer(i64::MAX),
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => return cells.push_integer(i64::MIN),
        Err(_) => {}
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => cells.push_float(value),
        _ if text.is_empty() => cells.push_bad("an empty cell"),
        _ => cells.push_bad(&format!("`{text}`")),
    }
}

/// Numbers where all of them are, else names.
fn label_cells(texts: Vec<String>) -> LabelCells {
    let numbers = || -> Option<Cells> {
        let mut cells = Cells::default();
        for text in &texts {
            text.parse::<f64>().ok().filter(|value| value.is_finite())?;
            push(&mut cells, text);
        }
        Some(cells)
    };
    numbers().map_or_else(|| LabelCells::Texts(texts.clone()), LabelCells::Numbers)
}

fn reader(file: File) -> csv::Reader<File> {
    csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file)
}

fn unreadable(error: csv::Error) -> DataError {
    let detail = match error.kind() {
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(1, csv::Position::line);
            format!("line {line} is not UTF-8")
        }
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} cells, the lines before have {expected_len}")
        }
        _ => error.to_string(),
    };
    DataError::Format { format: "CSV", detail }
}
