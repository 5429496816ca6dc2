//! One decision at a time, integer against float by tract, on rows that change from call to call.
//!
//! Measures the core as the host's compiler builds it; `cargo xtask bench` measures the object that goes into the kernel
//! module, and against more peers.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use kinfer::{Limits, Model, Packed, Report, verify};
use kinfer_bench_cases::cases::Body;
use kinfer_bench_cases::{Case, Work, onnx as case_onnx};
use kinfer_convert::convert::{Activations, Options, convert};
use kinfer_convert::data::Data;
use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::reader::read;
use kinfer_convert::progress::Silent;
use kinfer_convert::reference::Reference;
use tract_onnx::prelude::*;

/// The cases of `cargo xtask bench`.
fn cases(c: &mut Criterion) {
    for case in kinfer_bench_cases::all() {
        let mut group = c.benchmark_group(case.name);
        kinfer(&mut group, &case);
        if case.work == Work::Network {
            tract(&mut group, &case).unwrap();
        }
        group.finish();
    }
}

fn kinfer(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) {
    let bytes = case.spec.to_bytes();
    let load = |memory| {
        let model = Model::parse(&bytes).unwrap();
        let report = verify(&model, &Limits::KERNEL).unwrap();
        Packed::new(&model, &report, memory).unwrap()
    };
    let Report { packed_words, scratch_words, .. } = verify(&Model::parse(&bytes).unwrap(), &Limits::KERNEL).unwrap();
    let packed = load(vec![0; packed_words]);
    let mut scratch = vec![0; scratch_words];
    let (mut rows, mut raw) = (case.rows().iter().cycle(), case.raw.iter().cycle());
    group.bench_function("kinfer", |b| match case.work {
        Work::Network => b.iter(|| {
            black_box(packed.infer(&mut scratch, &mut [], black_box(rows.next().unwrap())));
        }),
        Work::Decision => b.iter(|| {
            black_box(packed.decide(&mut scratch, black_box(raw.next().unwrap())));
        }),
        Work::Load => b.iter_with_setup(|| vec![0; packed_words], load),
    });
}

fn tract(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) -> TractResult<()> {
    let file = match &case.body {
        Body::Network(_) => case_onnx::float(case),
        Body::Forest(forest) => case_onnx::classifier(forest),
    };
    let model = onnx().model_for_read(&mut &*file)?.into_optimized()?;
    let mut state = model.into_runnable()?.spawn()?;
    let scale = case.scales().0 as f32;
    let row = |row: &Vec<i32>| {
        let real: Vec<f32> = row.iter().map(|&x| x as f32 * scale).collect();
        Ok(Tensor::from_shape(&[1, real.len()], &real)?.into_tvalue())
    };
    let rows = case.rows().iter().map(row).collect::<TractResult<Vec<TValue>>>()?;
    state.run(tvec!(rows[0].clone()))?;
    let mut rows = rows.iter().cycle();
    group.bench_function("tract_f32", |b| b.iter(|| state.run(tvec!(rows.next().unwrap().clone())).unwrap()));
    Ok(())
}

fn io_latency(c: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/io-latency");
    let (onnx, train) = (folder.join("model.onnx"), folder.join("train.parquet"));
    let mut group = c.benchmark_group("io_latency");

    let source = Source::open(&onnx).unwrap();
    let graph = read(&source).unwrap();
    let names: Vec<String> = graph.metadata.features.iter().flatten().map(|feature| feature.name.clone()).collect();
    let data = Data::read(&folder.join("test.parquet"), &names, None).unwrap();
    let reference = Reference::with_batch(&source, &graph, 1).unwrap();
    let features: Vec<_> = data.rows().map(|row| data.features(row)).collect();
    let (mut rows, mut scores) = (features.iter().cycle(), Vec::new());
    group.bench_function("tract_f32", |b| {
        b.iter(|| {
            scores.clear();
            reference.run(rows.next().unwrap(), data.width, &mut scores).unwrap();
            black_box(&scores);
        });
    });

    for (name, activations) in [("kinfer_int8", Activations::Int8), ("kinfer_int16", Activations::Int16)] {
        let options = Options { activations, ..Options::new(&onnx, &train) };
        let bytes = convert(&options, &Silent).unwrap().bytes;
        let model = Model::parse(&bytes).unwrap();
        let report = verify(&model, &Limits::KERNEL).unwrap();
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let (mut rows, mut scratch) = (data.counters.chunks_exact(data.width).cycle(), vec![0; report.scratch_words]);
        group.bench_function(name, |b| b.iter(|| packed.decide(&mut scratch, black_box(rows.next().unwrap()))));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = cases, io_latency
}
criterion_main!(benches);
