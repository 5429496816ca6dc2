//! One decision at a time, integer against the float reference, on rows that change from call to call.
//!
//! Measures the core as the host's compiler builds it; the object that goes into the kernel module is counted in
//! instructions by `cargo xtask demo`.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::convert::{Activations, Options, convert};
use kinfer_convert::data::Data;
use kinfer_convert::onnx::{Source, lower};
use kinfer_convert::progress::Silent;
use kinfer_convert::reference::Reference;

fn io_latency(c: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/io-latency");
    let (onnx, train) = (folder.join("model.onnx"), folder.join("train.parquet"));
    let mut group = c.benchmark_group("io_latency");

    let source = Source::open(&onnx).unwrap();
    let lowered = lower(&source).unwrap();
    let names: Vec<String> = lowered.metadata.features.iter().flatten().map(|feature| feature.name.clone()).collect();
    let data = Data::read(&folder.join("test.parquet"), &names, None).unwrap();
    let reference = Reference::with_batch(&source, &lowered, 1).unwrap();
    let (mut rows, mut scores) = (data.counters.chunks_exact(data.width).cycle(), Vec::new());
    group.bench_function("tract_f32", |b| {
        b.iter(|| {
            scores.clear();
            reference.run(rows.next().unwrap(), data.width, &mut scores).unwrap();
            black_box(&scores);
        });
    });

    for (name, activations) in [("kinfer_int8", Activations::Int8), ("kinfer_int16", Activations::Int16)] {
        let options =
            Options { model: &onnx, calibrate: &train, evaluate: None, label: None, threshold: None, activations };
        let bytes = convert(&options, &Silent).unwrap().bytes;
        let model = Model::parse(&bytes).unwrap();
        let report = verify(&model, &Limits::KERNEL).unwrap();
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let (mut rows, mut scratch) = (data.counters.chunks_exact(data.width).cycle(), vec![0; report.scratch_words]);
        group.bench_function(name, |b| b.iter(|| packed.decide(&mut scratch, black_box(rows.next().unwrap()))));
    }
    group.finish();
}

criterion_group!(benches, io_latency);
criterion_main!(benches);
