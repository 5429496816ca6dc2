//! A part of the data set as a Parquet file. Each field carries its `unit` and its `role`: `context` for what a model must not see,
//! `feature` for its inputs in their order, `label` for what it is to predict. The label carries its rule: `slow_above_us`, a line `device threshold` each.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::dataset::is_slow;
use crate::features::{FEATURES, Io};
use crate::trace::Device;

pub fn write(path: &Path, rows: &[Io], devices: &[Device], thresholds_us: &[i64]) -> Result<()> {
    let batch = record_batch(rows, devices, thresholds_us)?;
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(19)?)).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

fn record_batch(rows: &[Io], devices: &[Device], thresholds_us: &[i64]) -> Result<RecordBatch> {
    let integers =
        |value: &dyn Fn(&Io) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.iter().map(value))) };
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|io| &devices[io.device].name)));

    let mut columns = vec![
        (field("time_us", DataType::Int64, "us", "context"), integers(&|io| io.time_us)),
        (field("device", DataType::Utf8, "", "context"), names),
        (field("latency_us", DataType::Int64, "us", "context"), integers(&|io| io.latency_us)),
    ];
    for (index, (name, unit)) in FEATURES.iter().enumerate() {
        columns.push((field(name, DataType::Int64, unit, "feature"), integers(&|io| io.features[index])));
    }
    let rule: Vec<_> =
        devices.iter().zip(thresholds_us).map(|(device, threshold)| format!("{} {threshold}", device.name)).collect();
    let mut slow = field("slow", DataType::Int64, "1", "label");
    slow.metadata_mut().insert("slow_above_us", rule.join("\n"));
    columns.push((slow, integers(&|io| is_slow(io, thresholds_us).into())));

    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

fn field(name: &str, data_type: DataType, unit: &str, role: &str) -> Field {
    let metadata = HashMap::from([("unit".into(), unit.into()), ("role".into(), role.into())]);
    Field::new(name, data_type, false).with_metadata(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::FEATURE_COUNT;

    #[test]
    fn the_columns_are_context_then_features_then_the_label() {
        let device = Device {
            number: "254,0".into(),
            name: "a".into(),
            completion_event: String::new(),
            parameters: String::new(),
        };
        let io = |latency_us| Io { time_us: 5, device: 0, latency_us, features: [3; FEATURE_COUNT] };
        let batch = record_batch(&[io(10), io(11)], &[device], &[10]).unwrap();
        let roles: Vec<_> = batch.schema().fields().iter().map(|field| field.metadata()["role"].clone()).collect();
        let mut expected = vec!["context"; 3];
        expected.extend(["feature"; FEATURE_COUNT]);
        expected.push("label");
        assert_eq!(roles, expected);
        let slow = batch.column_by_name("slow").unwrap().as_any().downcast_ref::<Int64Array>().unwrap();
        assert_eq!(slow.values(), &[0, 1]);
        assert_eq!(batch.schema().field_with_name("slow").unwrap().metadata()["slow_above_us"], "a 10");
    }
}
