//! Random models of every operator, step and head, from a seed: what is emitted as source is compared with the engine on them.
//!
//! A model grows by one operator at a time, with parameters at random; what the verifier refuses is taken back. So whatever it
//! accepts can come up, and nothing else.

mod operators;
mod program;

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind};
use kinfer::{Limits, Model, verify};
use kinfer_convert::kinf::{FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, TensorSpec};

/// What a random model fits: the kernel's budget, and a caller that keeps state.
pub const LIMITS: Limits = Limits { state_bytes: 4 << 10, ..Limits::KERNEL };

/// A model with up to `operators` operators.
pub fn model(seed: u64, operators: usize) -> ModelSpec {
    let mut random = Random(seed);
    loop {
        let mut spec = inputs(&mut random);
        if !accepted(&mut spec) {
            continue;
        }
        for _ in 0..4 * operators {
            if spec.operators.len() == operators {
                break;
            }
            let before = spec.clone();
            operators::append(&mut random, &mut spec);
            if !accepted(&mut spec) {
                spec = before;
            }
        }
        head(&mut random, &mut spec);
        if accepted(&mut spec) {
            return spec;
        }
    }
}

/// Whether the verifier takes the model; one that has no head takes that of its last tensor.
fn accepted(spec: &mut ModelSpec) -> bool {
    if spec.operators.is_empty() {
        // An operator has to be there: the inputs under their own name.
        let tensor = spec.tensors[0].clone();
        spec.tensors.push(tensor);
        spec.operators.push(OperatorSpec::Reshape(kinfer_convert::kinf::ReshapeSpec { input: 0, output: 1 }));
    }
    let scores = spec.tensors.len() - 1;
    if usize::from(spec.head.scores) != scores {
        let elements = spec.tensors[scores].dims.iter().product::<u32>();
        let kind = if elements == 1 { HeadKind::Value } else { HeadKind::ArgMax };
        spec.head = HeadSpec { kind, scores: scores as u16, low_margin: I32F32::ZERO };
        spec.outcomes = (0..elements).map(|class| format!("class {class}")).collect();
    }
    let bytes = spec.to_bytes();
    Model::parse(&bytes).is_ok_and(|model| verify(&model, &LIMITS).is_ok())
}

/// Counters, the program and tensor 0, in the shape of an image now and then.
fn inputs(random: &mut Random) -> ModelSpec {
    let features = 1 + random.below(6) as usize;
    let element = random.pick(&[ElementType::I8, ElementType::I16]);
    let dims = match random.below(3) {
        0 => vec![1 + random.below(5) as u32, 1 + random.below(5) as u32, 1 + random.below(4) as u32],
        _ => vec![2 + random.below(20) as u32],
    };
    let elements = dims.iter().product::<u32>() as usize;
    let feature = |random: &mut Random, number| {
        let (a, b) = (random.wild(), random.wild());
        FeatureSpec { name: format!("counter {number}"), unit: "count".into(), lo: a.min(b), hi: a.max(b) }
    };
    let tensor = TensorSpec { element, dims, zero_point: random.zero_point(element), scale: scale(random) };
    ModelSpec {
        features: (0..features).map(|number| feature(random, number)).collect(),
        program: program::steps(random, features as u16, element, elements),
        tensors: vec![tensor],
        operators: vec![],
        head: HeadSpec { kind: HeadKind::Value, scores: u16::MAX, low_margin: I32F32::ZERO },
        outcomes: vec![],
        provenance: vec![("seed".into(), random.0.to_string())],
    }
}

/// Mostly one scale, so that tensors can be compared; now and then any.
fn scale(random: &mut Random) -> U32F96 {
    match random.below(4) {
        0 => {
            let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
            U32F96::from_bits((bits >> random.below(120)).max(1))
        }
        _ => U32F96::ONE / 16,
    }
}

/// A head that fits the last tensor.
fn head(random: &mut Random, spec: &mut ModelSpec) {
    let elements = spec.outcomes.len();
    let real = |random: &mut Random| I32F32::from_bits(random.wild());
    spec.head.kind = match (elements, random.below(3)) {
        (1, 0) => HeadKind::Value,
        (1, 1) => HeadKind::Threshold(real(random)),
        (1, _) => HeadKind::Anomaly(real(random)),
        (_, 0) => HeadKind::ArgMax,
        (_, 1) => HeadKind::ArgMin,
        (_, _) => HeadKind::TopK(1 + random.below(elements as u64 - 1) as u32),
    };
    if let HeadKind::Threshold(_) | HeadKind::Anomaly(_) = spec.head.kind {
        spec.outcomes = vec!["below".into(), "above".into()];
    }
    if spec.head.kind != HeadKind::Value && random.below(2) == 0 {
        spec.head.low_margin = real(random).saturating_abs();
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers in every run.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, which is not zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// In `lo..=hi`.
    pub fn between(&mut self, lo: i64, hi: i64) -> i64 {
        match hi.abs_diff(lo).checked_add(1) {
            Some(values) => lo.wrapping_add_unsigned(self.below(values)),
            None => self.bits() as i64,
        }
    }

    /// Many bits and few bits equally likely, as well as the ends.
    pub fn wild(&mut self) -> i64 {
        match self.below(10) {
            0 => i64::MIN,
            1 => i64::MAX,
            _ => self.bits() as i64 >> self.below(64),
        }
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    /// Inside `element`, often zero.
    fn zero_point(&mut self, element: ElementType) -> i32 {
        let (lo, hi) = element.range();
        if self.below(3) == 0 { 0 } else { self.between(lo.into(), hi.into()) as i32 }
    }

    /// Bounds inside `element`, often its own.
    fn bounds(&mut self, element: ElementType) -> (i32, i32) {
        let (lo, hi) = element.range();
        let (a, b) = (self.between(lo.into(), hi.into()) as i32, self.between(lo.into(), hi.into()) as i32);
        if self.below(3) > 0 { (lo, hi) } else { (a.min(b), a.max(b)) }
    }
}

/// Rows of counters for `features`: their ends and what is beside them, the ends of 64 bits, and anything.
pub fn rows(seed: u64, features: &[FeatureSpec], count: usize) -> Vec<Vec<i64>> {
    let mut random = Random(seed);
    let each = |of: fn(&FeatureSpec) -> i64| features.iter().map(of).collect::<Vec<_>>();
    let mut rows = vec![
        each(|feature| feature.lo),
        each(|feature| feature.hi),
        each(|feature| feature.lo.saturating_sub(1)),
        each(|feature| feature.hi.saturating_add(1)),
        each(|_| 0),
        each(|_| i64::MIN),
        each(|_| i64::MAX),
    ];
    while rows.len() < count {
        let value = |random: &mut Random, feature: &FeatureSpec| match random.below(4) {
            0 => random.wild(),
            1 => random.between(-200, 200),
            _ => random.between(feature.lo, feature.hi),
        };
        rows.push(features.iter().map(|feature| value(&mut random, feature)).collect());
    }
    rows
}
