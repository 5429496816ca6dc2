//! Parquet through Arrow arrays.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{DataError, Labels, integral, interleave};

const BATCH: usize = 8192;

pub(super) fn columns(file: File) -> Result<Vec<String>, DataError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
    Ok(builder.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// Counters row after row, and the label column. The names are known to be in the schema.
pub(super) fn read(
    file: File,
    features: &[String],
    label: Option<&str>,
) -> Result<(Vec<i64>, Option<Labels>), DataError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
    let wanted = |name: &str| features.iter().any(|feature| feature == name) || label == Some(name);
    let fields = builder.schema().fields().iter().enumerate();
    let roots: Vec<_> = fields.filter(|(_, field)| wanted(field.name())).map(|(place, _)| place).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let batches = builder.with_projection(mask).with_batch_size(BATCH).build().map_err(unreadable)?;

    let mut columns = vec![Vec::new(); features.len()];
    let mut labels = None;
    for batch in batches {
        let batch = batch.map_err(unreadable)?;
        for (column, name) in columns.iter_mut().zip(features) {
            counters(&batch, name, column)?;
        }
        if let Some(label) = label {
            append_labels(&batch, label, &mut labels)?;
        }
    }
    Ok((interleave(&columns), labels))
}

fn append_labels(batch: &RecordBatch, name: &str, labels: &mut Option<Labels>) -> Result<(), DataError> {
    let column = batch.column_by_name(name).ok_or_else(|| missing(name))?;
    let texts: Option<Vec<String>> = match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().into()).collect()),
        DataType::LargeUtf8 => {
            Some(column.as_string::<i64>().iter().map(|text| text.unwrap_or_default().into()).collect())
        }
        _ => None,
    };
    match (texts, labels) {
        (Some(texts), Some(Labels::Texts(labels))) => labels.extend(texts),
        (Some(texts), labels) => *labels = Some(Labels::Texts(texts)),
        (None, Some(Labels::Integers(labels))) => counters(batch, name, labels)?,
        (None, labels) => {
            let mut integers = Vec::new();
            counters(batch, name, &mut integers)?;
            *labels = Some(Labels::Integers(integers));
        }
    }
    Ok(())
}

/// Appends a column of a batch.
fn counters(batch: &RecordBatch, name: &str, out: &mut Vec<i64>) -> Result<(), DataError> {
    let column = batch.column_by_name(name).ok_or_else(|| missing(name))?;
    let kind = column.data_type();
    match kind {
        DataType::Int8 => primitive::<Int8Type>(column, name, out, |x| Some(x.into())),
        DataType::Int16 => primitive::<Int16Type>(column, name, out, |x| Some(x.into())),
        DataType::Int32 => primitive::<Int32Type>(column, name, out, |x| Some(x.into())),
        DataType::Int64 => primitive::<Int64Type>(column, name, out, Some),
        DataType::UInt8 => primitive::<UInt8Type>(column, name, out, |x| Some(x.into())),
        DataType::UInt16 => primitive::<UInt16Type>(column, name, out, |x| Some(x.into())),
        DataType::UInt32 => primitive::<UInt32Type>(column, name, out, |x| Some(x.into())),
        DataType::UInt64 => primitive::<UInt64Type>(column, name, out, |x| x.try_into().ok()),
        DataType::Float32 => primitive::<Float32Type>(column, name, out, |x| integral(x.into())),
        DataType::Float64 => primitive::<Float64Type>(column, name, out, integral),
        DataType::Boolean => cells(column.as_boolean().iter().map(|cell| cell.map(|x| (x, Some(x.into())))), name, out),
        _ => Err(DataError::Type { column: name.into(), kind: kind.to_string() }),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    column: &dyn Array,
    name: &str,
    out: &mut Vec<i64>,
    counter: impl Fn(T::Native) -> Option<i64>,
) -> Result<(), DataError>
where
    T::Native: ToString,
{
    let column = column.as_primitive::<T>();
    cells(column.iter().map(|cell| cell.map(|x| (x, counter(x)))), name, out)
}

/// A cell is nothing (null), or what is there and its value where that is a counter.
fn cells<T: ToString>(
    cells: impl Iterator<Item = Option<(T, Option<i64>)>>,
    name: &str,
    out: &mut Vec<i64>,
) -> Result<(), DataError> {
    for cell in cells {
        match cell {
            Some((_, Some(counter))) => out.push(counter),
            other => {
                let text = other.map_or("null".into(), |(cell, _)| format!("`{}`", cell.to_string()));
                return Err(DataError::Cell { column: name.into(), row: out.len() + 1, text });
            }
        }
    }
    Ok(())
}

fn missing(name: &str) -> DataError {
    DataError::NoColumn { name: name.into(), has: "not in this batch".into() }
}

fn unreadable(error: impl std::fmt::Display) -> DataError {
    DataError::Format { format: "Parquet", detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int16Array, StringArray, UInt64Array};
    use parquet::arrow::ArrowWriter;

    use super::super::Data;
    use super::*;
    use crate::Error;

    fn written(columns: Vec<(&str, ArrayRef)>) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let mut writer = ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        file
    }

    fn problem(column: ArrayRef) -> DataError {
        let file = written(vec![("a", column)]);
        match Data::read(file.path(), &["a".into()], None) {
            Err(Error::Data { problem, .. }) => problem,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn counters_of_every_type_and_named_labels_are_read() {
        let file = written(vec![
            ("unused", Arc::new(StringArray::from(vec!["x", "y"]))),
            ("small", Arc::new(Int16Array::from(vec![-3, 4]))),
            ("whole", Arc::new(Float64Array::from(vec![5.0, -6.0]))),
            ("wide", Arc::new(UInt64Array::from(vec![7, i64::MAX as u64]))),
            ("flag", Arc::new(BooleanArray::from(vec![true, false]))),
            ("label", Arc::new(StringArray::from(vec!["slow", "fast"]))),
        ]);
        let names = ["flag", "wide", "whole", "small"].map(String::from);
        let data = Data::read(file.path(), &names, Some("label")).unwrap();
        assert_eq!(data.counters, [1, 7, 5, -3, 0, i64::MAX, -6, 4]);
        assert_eq!(data.labels, Some(Labels::Texts(vec!["slow".into(), "fast".into()])));
    }

    #[test]
    fn nulls_fractions_large_values_and_texts_are_no_counters() {
        let cell = |text: &str, row| DataError::Cell { column: "a".into(), row, text: text.into() };
        assert_eq!(problem(Arc::new(Int16Array::from(vec![Some(1), None]))), cell("null", 2));
        assert_eq!(problem(Arc::new(Float64Array::from(vec![1.5]))), cell("`1.5`", 1));
        assert_eq!(problem(Arc::new(UInt64Array::from(vec![u64::MAX]))), cell("`18446744073709551615`", 1));
        let text = problem(Arc::new(StringArray::from(vec!["1"])));
        assert_eq!(text, DataError::Type { column: "a".into(), kind: "Utf8".into() });
    }
}
