//! GRU and LSTM cells: the same bits as the wide-integer reference, and near the float ones of the ONNX specification.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, WeightType};
use kinfer::{Decision, Flags, Limits, Model, Packed, Report, verify};
use kinfer_convert::kinf::cells::{CellSpec, gru, lstm};
use kinfer_convert::kinf::{HeadSpec, ModelSpec, StepSpec, TensorSpec};
use kinfer_suite::{models, wide};
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

/// A caller that keeps state.
const LIMITS: Limits = Limits { state_bytes: 4 << 10, ..Limits::KERNEL };

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// With `linear_before_reset`.
    Gru(bool),
    /// With the range of the cell state.
    Lstm(f64),
}

impl Kind {
    fn gates(self) -> usize {
        match self {
            Self::Gru(_) => 3,
            Self::Lstm(_) => 4,
        }
    }
}

/// A cell with its real weights, for inputs on a grid.
#[derive(Clone, Debug)]
struct Cell {
    kind: Kind,
    inputs: usize,
    hidden: usize,
    element: ElementType,
    zero_point: i32,
    scale: f64,
    weight_type: WeightType,
    w: Vec<f64>,
    r: Vec<f64>,
    b: Vec<f64>,
}

impl Cell {
    /// With weights in ±`most`, as a seed says.
    fn random(kind: Kind, inputs: usize, hidden: usize, most: f64, seed: &mut u64) -> Self {
        let rows = kind.gates() * hidden;
        let mut weights = |count: usize| (0..count).map(|_| (random(seed) * 2.0 - 1.0) * most).collect();
        Self {
            kind,
            inputs,
            hidden,
            element: ElementType::I16,
            zero_point: 0,
            scale: 1.0 / 8_192.0,
            weight_type: WeightType::I16,
            w: weights(rows * inputs),
            r: weights(rows * hidden),
            b: weights(2 * rows),
        }
    }

    /// The cell, deciding by its hidden state; the counters are its inputs' integers.
    fn model(&self) -> ModelSpec {
        let step = |source| StepSpec::affine(source, 1, 0, 0, self.element);
        let scale = U32F96::from_num(self.scale);
        let dims = vec![self.inputs as u32];
        let mut spec = ModelSpec {
            features: (0..self.inputs).map(|i| models::feature(&format!("counter{i}"), -100, 100)).collect(),
            program: (0..self.inputs as u16).map(step).collect(),
            tensors: vec![TensorSpec { element: self.element, dims, zero_point: self.zero_point, scale }],
            operators: vec![],
            head: HeadSpec { kind: HeadKind::ArgMax, scores: 0, low_margin: I32F32::ZERO },
            outcomes: (0..self.hidden.max(2)).map(|i| format!("outcome{i}")).collect(),
            provenance: vec![],
        };
        let Self { hidden, weight_type, .. } = *self;
        let cell = CellSpec { input: 0, slot: 0, hidden, w: &self.w, r: &self.r, b: &self.b, weight_type };
        spec.head.scores = match self.kind {
            Kind::Gru(linear_before_reset) => gru(&mut spec, &cell, linear_before_reset),
            Kind::Lstm(range) => lstm(&mut spec, &cell, range),
        };
        if hidden == 1 {
            spec.head.kind = HeadKind::Threshold(I32F32::ZERO);
        }
        spec
    }

    /// One step as the ONNX specification has it, in float: `state` is h, then c.
    fn step(&self, x: &[f64], state: &mut [f64]) {
        let hidden = self.hidden;
        let (h, c) = state.split_at_mut(hidden);
        let dot = |row: &[f64], of: &[f64]| row.iter().zip(of).map(|(a, b)| a * b).sum::<f64>();
        let row = |gate: usize, i: usize| gate * hidden + i;
        let rows = self.kind.gates() * hidden;
        let from_x = |gate, i| dot(&self.w[row(gate, i) * self.inputs..][..self.inputs], x) + self.b[row(gate, i)];
        let from_h =
            |gate, i, h: &[f64]| dot(&self.r[row(gate, i) * hidden..][..hidden], h) + self.b[rows + row(gate, i)];
        let sigmoid = |a: f64| 1.0 / (1.0 + (-a).exp());
        let gate =
            |gate, h: &[f64]| -> Vec<f64> { (0..hidden).map(|i| from_x(gate, i) + from_h(gate, i, h)).collect() };
        match self.kind {
            Kind::Gru(linear_before_reset) => {
                let z: Vec<_> = gate(0, h).into_iter().map(sigmoid).collect();
                let r: Vec<_> = gate(1, h).into_iter().map(sigmoid).collect();
                let reset: Vec<_> = r.iter().zip(&*h).map(|(r, h)| r * h).collect();
                let n: Vec<_> = (0..hidden)
                    .map(|i| match linear_before_reset {
                        true => from_x(2, i) + r[i] * from_h(2, i, h),
                        false => from_x(2, i) + from_h(2, i, &reset),
                    })
                    .map(f64::tanh)
                    .collect();
                h.iter_mut().enumerate().for_each(|(i, h)| *h = (1.0 - z[i]) * n[i] + z[i] * *h);
            }
            Kind::Lstm(_) => {
                let [i, o, f, g] = [0, 1, 2, 3].map(|which| gate(which, h));
                for (n, c) in c.iter_mut().enumerate() {
                    *c = sigmoid(f[n]) * *c + sigmoid(i[n]) * g[n].tanh();
                    h[n] = sigmoid(o[n]) * c.tanh();
                }
            }
        }
    }

    /// Inputs of `steps` steps, as their integers, in ±`most`: a slow signal with noise on it, so that the state gets far
    /// from zero.
    fn sequence(&self, steps: usize, most: f64, seed: &mut u64) -> Vec<Vec<i32>> {
        let (lo, hi) = self.element.range();
        let mut slow = vec![0.0; self.inputs];
        let step = |_| {
            slow.iter_mut().for_each(|slow| *slow = 0.9 * *slow + 0.1 * (random(seed) * 2.0 - 1.0) * 3.0 * most);
            let noisy = slow.iter().map(|slow| slow + (random(seed) - 0.5) * most);
            noisy
                .map(|x| ((x.clamp(-most, most) / self.scale).round() as i32 + self.zero_point).clamp(lo, hi))
                .collect()
        };
        (0..steps).map(step).collect()
    }

    /// The state after each step, in float: h, then c.
    fn states(&self, sequence: &[Vec<i32>]) -> Vec<Vec<f64>> {
        let mut state = vec![0.0; 2 * self.hidden];
        let step = |q: &Vec<i32>| {
            let x: Vec<f64> = q.iter().map(|q| f64::from(q - self.zero_point) * self.scale).collect();
            self.step(&x, &mut state);
            state.clone()
        };
        sequence.iter().map(step).collect()
    }

    /// The largest and the root mean square error of h over a sequence. The range of an LSTM's cell state is what a
    /// calibration on the sequence would say.
    fn error(mut self, sequence: &[Vec<i32>]) -> (f64, f64) {
        let states = self.states(sequence);
        if let Kind::Lstm(range) = &mut self.kind {
            *range =
                1.1 * states.iter().flat_map(|state| &state[self.hidden..]).fold(0f64, |most, c| most.max(c.abs()));
        }
        let (report, packed) = proved(&self.model()).unwrap();
        let (mut scratch, mut words) = (vec![0; report.scratch_words], vec![0; report.state_words]);
        let (mut largest, mut squares) = (0f64, 0f64);
        for (q, real) in sequence.iter().zip(&states) {
            let h = packed.infer(&mut scratch, &mut words, q);
            for (&q, real) in h.iter().zip(real) {
                let error = (f64::from(q) / 32_768.0 - real).abs();
                largest = largest.max(error);
                squares += error * error;
            }
        }
        (largest, (squares / (sequence.len() * self.hidden) as f64).sqrt())
    }
}

/// In 0..1 (Knuth's linear congruences).
fn random(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / 53f64.exp2()
}

fn proved(spec: &ModelSpec) -> Result<(Report, Packed<Vec<i64>>), String> {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).map_err(|error| error.to_string())?;
    let report = verify(&model, &LIMITS).map_err(|error| error.to_string())?;
    let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
    Ok((report, packed))
}

/// The largest errors of some cells of a kind over sequences of 200 steps with inputs in ±3: over all, and root mean
/// square of a sequence. Weights are in ±`gain`/√hidden: 1 is what PyTorch starts from, 2 what training makes of it, and
/// with 4 the cells are so strongly coupled that they amplify what disturbs them.
fn worst(kind: Kind, gains: &[f64], change: impl Fn(&mut Cell)) -> (f64, f64) {
    let mut seed = 7;
    let (mut worst, mut rms) = (0f64, 0f64);
    for (inputs, hidden) in [(1, 1), (3, 4), (8, 16), (5, 32), (12, 7)] {
        for gain in gains {
            let mut cell = Cell::random(kind, inputs, hidden, gain / (hidden as f64).sqrt(), &mut seed);
            change(&mut cell);
            let sequence = cell.sequence(200, 3.0, &mut seed);
            let (largest, mean) = cell.error(&sequence);
            println!("{kind:?} {inputs}-{hidden} gain {gain}: {largest:.2e} at most, {mean:.2e} rms");
            (worst, rms) = (worst.max(largest), rms.max(mean));
        }
    }
    (worst, rms)
}

const KINDS: [Kind; 3] = [Kind::Gru(false), Kind::Gru(true), Kind::Lstm(8.0)];

#[test]
fn int16_cells_are_within_a_thousandth_of_float_over_200_steps() {
    for kind in KINDS {
        let (worst, rms) = worst(kind, &[1.0, 2.0], |_| {});
        assert!(worst < 1e-3 && rms < 1e-4, "{kind:?}: {worst:.2e}, rms {rms:.2e}");
    }
}

#[test]
fn int16_cells_that_amplify_are_within_a_few_thousandths() {
    for kind in KINDS {
        let (worst, rms) = worst(kind, &[4.0], |_| {});
        assert!(worst < 4e-3 && rms < 3e-4, "{kind:?}: {worst:.2e}, rms {rms:.2e}");
    }
}

#[test]
fn int8_inputs_with_a_zero_point_lose_nothing_more() {
    for kind in KINDS {
        let (worst, _) = worst(kind, &[1.0, 2.0], |cell| {
            (cell.element, cell.zero_point, cell.scale) = (ElementType::I8, -20, 1.0 / 40.0);
        });
        assert!(worst < 1e-3, "{kind:?}: {worst:.2e}");
    }
}

#[test]
fn int8_weights_are_within_a_few_hundredths() {
    for kind in KINDS {
        let (worst, rms) = worst(kind, &[1.0, 2.0], |cell| cell.weight_type = WeightType::I8);
        assert!(worst < 5e-2 && rms < 1e-2, "{kind:?}: {worst:.2e}, rms {rms:.2e}");
    }
}

#[test]
fn a_cell_leaves_room_for_others_in_a_model() {
    let operators = |kind| Cell::random(kind, 3, 4, 0.5, &mut 1).model().operators.len();
    assert_eq!(KINDS.map(operators), [15, 16, 18]);
}

#[test]
fn two_cells_follow_each_other_with_states_of_their_own() {
    let mut seed = 3;
    let (first, second) =
        (Cell::random(Kind::Lstm(4.0), 3, 5, 0.6, &mut seed), Cell::random(Kind::Gru(true), 5, 4, 0.6, &mut seed));
    let mut spec = first.model();
    let cell = CellSpec {
        input: spec.head.scores,
        slot: 10,
        hidden: 4,
        w: &second.w,
        r: &second.r,
        b: &second.b,
        weight_type: WeightType::I16,
    };
    spec.head.scores = gru(&mut spec, &cell, true);
    spec.outcomes.truncate(4);
    let (report, packed) = proved(&spec).unwrap();
    assert_eq!(report.state_words, 14);
    let (mut scratch, mut words) = (vec![0; report.scratch_words], vec![0; 14]);
    let (mut below, mut above) = (vec![0.0; 10], vec![0.0; 4]);
    for step in 0..200 {
        let q = [step * 91 % 8_000, step * step % 9_000 - 4_000, 100 * (step % 60)];
        let x = q.map(|q| f64::from(q) * first.scale);
        first.step(&x, &mut below);
        second.step(&below[..5], &mut above);
        let h = packed.infer(&mut scratch, &mut words, &q);
        for (&q, real) in h.iter().zip(&above) {
            assert!((f64::from(q) / 32_768.0 - real).abs() < 1e-3);
        }
    }
}

fn cell() -> impl Strategy<Value = Cell> {
    let kind = prop_oneof![Just(Kind::Gru(false)), Just(Kind::Gru(true)), (0.1f64..100.0).prop_map(Kind::Lstm)];
    let grid = (any::<bool>(), any::<i16>(), -30f64..8.0);
    (kind, 1usize..=5, 1usize..=5, -6f64..6.0, any::<u64>(), grid, any::<bool>()).prop_map(
        |(kind, inputs, hidden, most, mut seed, (wide, zero_point, scale), wide_weights)| {
            let mut cell = Cell::random(kind, inputs, hidden, most.exp2(), &mut seed);
            cell.element = if wide { ElementType::I16 } else { ElementType::I8 };
            let (lo, hi) = cell.element.range();
            cell.zero_point = i32::from(zero_point).clamp(lo, hi);
            cell.scale = scale.exp2();
            cell.weight_type = if wide_weights { WeightType::I16 } else { WeightType::I8 };
            if seed.is_multiple_of(4) {
                cell.b.clear();
            }
            if seed.is_multiple_of(5) {
                cell.r.fill(0.0);
            }
            cell
        },
    )
}

/// Counters, some of them beyond the type.
fn rows() -> impl Strategy<Value = Vec<Vec<i64>>> {
    vec(vec(prop_oneof![-40_000i64..40_000, -200i64..200, Just(i64::MIN)], 5), 1..12)
}

fn wild_state() -> impl Strategy<Value = Vec<i64>> {
    let word = prop_oneof![Just(i64::MIN), Just(i64::MAX), -70_000i64..70_000, any::<i64>()];
    prop_oneof![Just(vec![0; 10]), vec(word, 10)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn sequences_equal_the_wide_reference_from_any_state_and_stay_in_their_proved_intervals(
        cell in cell(),
        rows in rows(),
        state in wild_state(),
    ) {
        let spec = cell.model();
        let (report, packed) = proved(&spec).unwrap();
        let words = match cell.kind {
            Kind::Gru(_) => cell.hidden,
            Kind::Lstm(_) => 2 * cell.hidden,
        };
        prop_assert_eq!(report.state_words, words);
        let mut state = state[..words].to_vec();
        let mut reference = wide::WideState { words: state.clone() };
        let mut scratch = vec![i64::MIN; report.scratch_words];
        for row in &rows {
            let row = &row[..cell.inputs];
            let expected = wide::decide_with(&spec, &mut reference, row);
            let decision = packed.decide_with(&mut scratch, &mut state, row);
            prop_assert_eq!(decision.class, expected.class);
            prop_assert_eq!(decision.value.to_bits(), expected.value);
            prop_assert_eq!(decision.margin.to_bits(), expected.margin);
            prop_assert_eq!(&state, &reference.words);
            let reached = expected.accumulators.iter().zip(&expected.outputs);
            for (proved, (accumulators, outputs)) in report.operators.iter().zip(reached) {
                prop_assert!(outputs.iter().all(|q| proved.output.contains(q.to_i64().unwrap())));
                prop_assert!(accumulators.iter().all(|q| proved.accumulator.contains(q.to_i64().unwrap())));
            }
        }
    }

    #[test]
    fn a_state_that_is_too_short_falls_back(cell in cell(), rows in rows()) {
        let (report, packed) = proved(&cell.model()).unwrap();
        let mut scratch = vec![0; report.scratch_words];
        let row = &rows[0][..cell.inputs];
        let mut short = vec![0; report.state_words - 1];
        prop_assert_eq!(packed.decide_with(&mut scratch, &mut short, row), Decision::FALLBACK);
        prop_assert!(packed.decide(&mut scratch, row).flags.contains(Flags::FALLBACK));
    }
}

#[test]
#[should_panic(expected = "weights of W and R")]
fn weights_of_another_shape_are_refused() {
    let mut cell = Cell::random(Kind::Gru(true), 3, 4, 0.5, &mut 1);
    cell.w.pop();
    cell.model();
}
