//! Graphs built by hand, and the core's scores of what is made of them.

use fixed::types::I32F32;
use kinfer::format::HeadKind;
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::graph::Graph;
use kinfer_convert::kinf::{FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, SliceSpec, TensorSpec};
use kinfer_convert::quantize::{Plan, Precision, Quantized, Rows, quantize};

/// More than a kernel allows: state, and work.
const LIMITS: Limits = Limits {
    state_bytes: 4 << 10,
    operations: 1 << 20,
    scratch_bytes: 1 << 18,
    packed_bytes: 1 << 22,
    file_bytes: 1 << 22,
    look_ups: 1 << 16,
};

/// Numbers without end, the same for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next 64 bits (xorshift64*).
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From -1 to 1.
    pub(crate) fn real(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub(crate) fn reals(&mut self, count: usize, most: f64) -> Vec<f64> {
        (0..count).map(|_| self.real() * most).collect()
    }

    pub(crate) fn integer(&mut self, lo: i64, hi: i64) -> i64 {
        let width = (i128::from(hi) - i128::from(lo) + 1) as u128;
        (i128::from(lo) + (u128::from(self.bits()) % width) as i128) as i64
    }

    /// Rows of counters from `lo` to `hi`, the ends among them.
    pub(crate) fn rows(&mut self, rows: usize, width: usize, lo: i64, hi: i64) -> Vec<i64> {
        let mut counters: Vec<i64> = (0..rows * width).map(|_| self.integer(lo, hi)).collect();
        counters[..width].fill(lo);
        counters[width..2 * width].fill(hi);
        counters
    }
}

/// The graph in integers, of the same precision everywhere.
pub(crate) fn made(graph: &Graph, counters: &[i64], precision: Precision) -> Quantized {
    with_plan(graph, counters, &Plan::uniform(graph, precision))
}

pub(crate) fn with_plan(graph: &Graph, counters: &[i64], plan: &Plan) -> Quantized {
    let resolutions = vec![1.0; graph.features];
    let rows = Rows { counters, width: graph.features, resolutions: &resolutions };
    quantize(graph, &rows, plan).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A file that decides by one of the scores.
pub(crate) fn file(quantized: &Quantized, features: usize, score: usize) -> Vec<u8> {
    let mut spec = ModelSpec {
        features: (0..features)
            .map(|index| FeatureSpec { name: format!("feature{index}"), unit: "count".into(), lo: 0, hi: 1 })
            .collect(),
        program: quantized.program.clone(),
        tensors: quantized.tensors.clone(),
        operators: quantized.operators.clone(),
        head: HeadSpec { kind: HeadKind::Value, scores: 0, low_margin: I32F32::ZERO },
        outcomes: vec!["score".into()],
        provenance: vec![],
    };
    let (input, output) = (quantized.scores, spec.tensors.len() as u16);
    let (rows, start, count, stride) = (1, score as u32, 1, 1);
    spec.tensors.push(TensorSpec { dims: vec![1], ..spec.tensors[usize::from(input)].clone() });
    spec.operators.push(OperatorSpec::Slice(SliceSpec { input, output, rows, start, count, stride }));
    spec.head.scores = output;
    spec.to_bytes()
}

/// Scores of every row, as the core decides them, with one state for all rows.
pub(crate) fn integer_scores(quantized: &Quantized, features: usize, counters: &[i64]) -> Vec<Vec<f64>> {
    let elements = quantized.tensors[usize::from(quantized.scores)].dims.iter().product::<u32>();
    let mut rows = vec![vec![]; counters.len() / features];
    for score in 0..elements as usize {
        let bytes = file(quantized, features, score);
        let model = Model::parse(&bytes).unwrap_or_else(|error| panic!("{error}"));
        let report = verify(&model, &LIMITS).unwrap_or_else(|error| panic!("{error}"));
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let (mut scratch, mut state) = (vec![0; report.scratch_words], vec![0; report.state_words]);
        for (row, raw) in rows.iter_mut().zip(counters.chunks_exact(features)) {
            row.push(packed.decide_with(&mut scratch, &mut state, raw).value.to_num());
        }
    }
    rows
}

/// Scores of every row in double precision.
pub(crate) fn float_scores(graph: &Graph, counters: &[i64]) -> Vec<Vec<f64>> {
    let mut state = graph.initial_state();
    let real = |row: &[i64]| row.iter().map(|&raw| raw as f64).collect::<Vec<_>>();
    counters.chunks_exact(graph.features).map(|row| graph.scores(&real(row), &mut state)).collect()
}

/// The largest error of any score, as a share of the range that the scores have.
pub(crate) fn error(graph: &Graph, quantized: &Quantized, counters: &[i64]) -> f64 {
    let float = float_scores(graph, counters);
    let integer = integer_scores(quantized, graph.features, counters);
    let (mut lo, mut hi, mut worst) = (f64::INFINITY, f64::NEG_INFINITY, 0f64);
    for (float, integer) in float.iter().zip(&integer) {
        assert_eq!(float.len(), integer.len());
        for (x, y) in float.iter().zip(integer) {
            (lo, hi, worst) = (lo.min(*x), hi.max(*x), worst.max((x - y).abs()));
        }
    }
    worst / (hi - lo).max(f64::MIN_POSITIVE)
}

/// Errors in int8 and in int16.
pub(crate) fn errors(graph: &Graph, counters: &[i64]) -> (f64, f64) {
    let of = |precision| error(graph, &made(graph, counters, precision), counters);
    (of(Precision::W8A8), of(Precision::W16A16))
}

/// Fails when int8 or int16 is further from float than these shares of the scores' range.
#[track_caller]
pub(crate) fn assert_close(graph: &Graph, counters: &[i64], narrow: f64, wide: f64) {
    let (int8, int16) = errors(graph, counters);
    println!("int8 {int8:.6}, int16 {int16:.7}");
    assert!(int8 <= narrow && int16 <= wide, "int8 {int8:.6}, int16 {int16:.7}");
}
