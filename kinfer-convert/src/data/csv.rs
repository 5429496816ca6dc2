//! CSV with a header line.

use std::fs::File;

use super::{DataError, Labels, integral, interleave};

pub(super) fn columns(file: File) -> Result<Vec<String>, DataError> {
    let mut reader = reader(file);
    Ok(reader.headers().map_err(unreadable)?.iter().map(str::to_owned).collect())
}

/// Counters row after row, and the label column. The names are known to be in the header.
pub(super) fn read(
    file: File,
    features: &[String],
    label: Option<&str>,
) -> Result<(Vec<i64>, Option<Labels>), DataError> {
    let mut reader = reader(file);
    let header = reader.headers().map_err(unreadable)?;
    let place = |name: &str| header.iter().position(|column| column == name);
    let places: Vec<_> = features.iter().filter_map(|name| place(name)).collect();
    let label_place = label.and_then(place);

    let mut columns = vec![Vec::new(); features.len()];
    let mut labels = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut row = 0;
    while reader.read_record(&mut record).map_err(unreadable)? {
        row += 1;
        for ((column, &place), name) in columns.iter_mut().zip(&places).zip(features) {
            let text = record.get(place).unwrap_or_default();
            let wrong = || DataError::Cell { column: name.clone(), row, text: format!("`{text}`") };
            column.push(counter(text).ok_or_else(wrong)?);
        }
        labels.extend(label_place.and_then(|place| record.get(place)).map(str::to_owned));
    }
    let labels = label_place.map(|_| {
        let integers: Option<Vec<i64>> = labels.iter().map(|text| counter(text)).collect();
        integers.map_or(Labels::Texts(labels), Labels::Integers)
    });
    Ok((interleave(&columns), labels))
}

fn counter(text: &str) -> Option<i64> {
    let looks_integral = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'+');
    match text.parse() {
        Ok(counter) => Some(counter),
        Err(_) if looks_integral => None, // too large: as a float it would lose its last digits
        Err(_) => text.parse().ok().and_then(integral),
    }
}

fn reader(file: File) -> csv::Reader<File> {
    csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file)
}

fn unreadable(error: csv::Error) -> DataError {
    DataError::Format { format: "CSV", detail: error.to_string() }
}
