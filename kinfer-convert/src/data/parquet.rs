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

use super::{Cells, DataError, Header, LabelCells};

const BATCH: usize = 8192;

pub(super) fn header(file: File) -> Result<Header, DataError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
    Ok(Header::Named(builder.schema().fields().iter().map(|field| field.name().clone()).collect()))
}

pub(super) fn read(
    file: File,
    features: &[usize],
    label: Option<usize>,
) -> Result<(Vec<Cells>, Option<LabelCells>), DataError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
    let mut roots: Vec<usize> = features.iter().copied().chain(label).collect();
    roots.sort_unstable();
    roots.dedup();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
    let batches = builder.with_projection(mask).with_batch_size(BATCH).build().map_err(unreadable)?;

    let mut columns = vec![Cells::default(); features.len()];
    let mut labels = None;
    for batch in batches {
        let batch = batch.map_err(unreadable)?;
        let place = |root: usize| roots.binary_search(&root).unwrap_or_default(); // roots has all that are asked for
        for (column, &root) in columns.iter_mut().zip(features) {
            append(&batch, place(root), column)?;
        }
        if let Some(root) = label {
            append_labels(&batch, place(root), &mut labels)?;
        }
    }
    Ok((columns, labels))
}

fn append_labels(batch: &RecordBatch, place: usize, labels: &mut Option<LabelCells>) -> Result<(), DataError> {
    let column = batch.column(place);
    let texts: Option<Vec<String>> = match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().into()).collect()),
        DataType::LargeUtf8 => {
            Some(column.as_string::<i64>().iter().map(|text| text.unwrap_or_default().into()).collect())
        }
        DataType::Utf8View => {
            Some(column.as_string_view().iter().map(|text| text.unwrap_or_default().into()).collect())
        }
        _ => None,
    };
    match (texts, labels) {
        (Some(texts), Some(LabelCells::Texts(labels))) => labels.extend(texts),
        (Some(texts), labels) => *labels = Some(LabelCells::Texts(texts)),
        (None, Some(LabelCells::Numbers(labels))) => append(batch, place, labels)?,
        (None, labels) => {
            let mut cells = Cells::default();
            append(batch, place, &mut cells)?;
            *labels = Some(LabelCells::Numbers(cells));
        }
    }
    Ok(())
}

/// Appends a column of a batch.
fn append(batch: &RecordBatch, place: usize, out: &mut Cells) -> Result<(), DataError> {
    let column = batch.column(place);
    let kind = column.data_type();
    match kind {
        DataType::Int8 => primitive::<Int8Type>(column, out, |out, x| out.push_integer(x.into())),
        DataType::Int16 => primitive::<Int16Type>(column, out, |out, x| out.push_integer(x.into())),
        DataType::Int32 => primitive::<Int32Type>(column, out, |out, x| out.push_integer(x.into())),
        DataType::Int64 => primitive::<Int64Type>(column, out, Cells::push_integer),
        DataType::UInt8 => primitive::<UInt8Type>(column, out, |out, x| out.push_integer(x.into())),
        DataType::UInt16 => primitive::<UInt16Type>(column, out, |out, x| out.push_integer(x.into())),
        DataType::UInt32 => primitive::<UInt32Type>(column, out, |out, x| out.push_integer(x.into())),
        DataType::UInt64 => primitive::<UInt64Type>(column, out, Cells::push_unsigned),
        DataType::Float32 => primitive::<Float32Type>(column, out, |out, x| out.push_float(x.into())),
        DataType::Float64 => primitive::<Float64Type>(column, out, Cells::push_float),
        DataType::Boolean => cells(column.as_boolean().iter(), out, |out, x| out.push_integer(x.into())),
        _ => {
            let schema = batch.schema();
            return Err(DataError::Type { column: schema.field(place).name().clone(), kind: kind.to_string() });
        }
    }
    Ok(())
}

fn primitive<T: ArrowPrimitiveType>(column: &dyn Array, out: &mut Cells, push: impl Fn(&mut Cells, T::Native)) {
    cells(column.as_primitive::<T>().iter(), out, push);
}

fn cells<T>(cells: impl Iterator<Item = Option<T>>, out: &mut Cells, push: impl Fn(&mut Cells, T)) {
    for cell in cells {
        match cell {
            Some(value) => push(out, value),
            None => out.push_bad("null"),
        }
    }
}

fn unreadable(error: impl std::fmt::Display) -> DataError {
    DataError::Format { format: "Parquet", detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int16Array, StringArray, UInt64Array};
    use parquet::arrow::ArrowWriter;

    use super::super::{Data, Labels};
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
        match Data::read(file.path(), &["a".to_owned()], None) {
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
            ("wide", Arc::new(UInt64Array::from(vec![7, u64::MAX]))),
            ("flag", Arc::new(BooleanArray::from(vec![true, false]))),
            ("label", Arc::new(StringArray::from(vec!["slow", "fast"]))),
        ]);
        let names = ["flag", "wide", "whole", "small"].map(String::from);
        let data = Data::read(file.path(), &names, Some("label")).unwrap();
        assert_eq!(data.counters, [1, 7, 5, -3, 0, i64::MAX, -6, 4]);
        assert_eq!(data.labels, Some(Labels::Texts(vec!["slow".into(), "fast".into()])));
    }

    #[test]
    fn nulls_and_what_is_not_finite_are_named_by_row_and_texts_by_type() {
        let cell = |text: &str, row, others| DataError::Cell { column: "a".into(), row, text: text.into(), others };
        assert_eq!(problem(Arc::new(Int16Array::from(vec![Some(1), None]))), cell("null", 2, 0));
        let numbers = vec![1.5, f64::NAN, 2.0, f64::INFINITY];
        assert_eq!(problem(Arc::new(Float64Array::from(numbers))), cell("`NaN`", 2, 1));
        let text = problem(Arc::new(StringArray::from(vec!["1"])));
        assert_eq!(text, DataError::Type { column: "a".into(), kind: "Utf8".into() });
    }
}
