//! Plain structs → bytes of a `.kinf` file. The specification is `docs/kinf-format.md`, the reader [`kinfer::format`].
//!
//! The writer does not judge: it writes what it is given, so that tests can make models a reader must refuse. What is
//! true of a file is said by [`kinfer::Model::parse`] and [`kinfer::verify()`]. For damage below the records, change
//! [`ModelSpec::sections`] or the bytes, and seal the result again with [`container::seal`].
//!
//! ```
//! use kinfer::format::{ElementType, HeadKind, Rounding};
//! use kinfer_convert::kinf::*;
//!
//! // Class 1 when the counter is above 10.
//! let unit_scale = fixed::types::U32F96::ONE;
//! let spec = ModelSpec {
//!     features: vec![FeatureSpec { name: "depth".into(), unit: "count".into(), lo: 0, hi: 100 }],
//!     program: vec![StepSpec { source: 0, multiplier: 1, bias: 0, shift: 0, rounding: Rounding::HalfEven }],
//!     tensors: vec![
//!         TensorSpec { element: ElementType::I8, dims: vec![1], zero_point: 0, scale: unit_scale },
//!         TensorSpec { element: ElementType::I32, dims: vec![1], zero_point: 0, scale: unit_scale },
//!     ],
//!     operators: vec![OperatorSpec::Dense(DenseSpec {
//!         input: 0,
//!         output: 1,
//!         rows: RowsSpec {
//!             weights: vec![1i8].into(),
//!             biases: vec![-10],
//!             multipliers: vec![1],
//!             shifts: vec![0],
//!             rounding: Rounding::HalfEven,
//!             lo: i32::MIN,
//!             hi: i32::MAX,
//!         },
//!         skip_zeros: false,
//!     })],
//!     head: HeadSpec {
//!         kind: HeadKind::Threshold(Default::default()),
//!         scores: 1,
//!         low_margin: Default::default(),
//!     },
//!     outcomes: vec!["shallow".into(), "deep".into()],
//!     provenance: vec![("source".into(), "by hand".into())],
//! };
//! let bytes = spec.to_bytes();
//! assert!(kinfer::Model::parse(&bytes).is_ok());
//! ```

pub mod container;
pub mod operators;
mod records;

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, Rounding, SKIPPABLE, SectionKind};

use self::container::Section;
pub use self::operators::{
    ClipSpec, DenseSpec, OperatorSpec, RowsSpec, TreeNodeSpec, TreeSpec, TreesSpec, WeightsSpec,
};

/// A whole model file.
#[derive(Clone, Debug)]
pub struct ModelSpec {
    /// The schema: raw counters in the order the caller passes them.
    pub features: Vec<FeatureSpec>,
    /// The feature program; step *i* makes element *i* of tensor 0.
    pub program: Vec<StepSpec>,
    /// Activations; tensor 0 is the feature program's output.
    pub tensors: Vec<TensorSpec>,
    /// Operators in the order they run.
    pub operators: Vec<OperatorSpec>,
    /// How scores become a decision.
    pub head: HeadSpec,
    /// What class 0, 1, … is called.
    pub outcomes: Vec<String>,
    /// Lines `key: value`; without any there is no such section.
    pub provenance: Vec<(String, String)>,
}

/// A raw counter.
#[derive(Clone, Debug)]
pub struct FeatureSpec {
    /// Printable ASCII. The file has room for 48 bytes; what is longer is cut.
    pub name: String,
    /// Printable ASCII, cut at 16 bytes.
    pub unit: String,
    /// Smallest value seen in calibration.
    pub lo: i64,
    /// Largest value seen in calibration.
    pub hi: i64,
}

/// A step of the feature program: `saturate(round((raw · multiplier + bias) / 2^shift))`.
#[derive(Clone, Copy, Debug)]
pub struct StepSpec {
    /// Index of the raw counter.
    pub source: u16,
    /// Factor of the raw counter.
    pub multiplier: i64,
    /// In units of 2^-shift of the quantised input; the zero point is part of it.
    pub bias: i128,
    /// Binary point of multiplier and bias.
    pub shift: u8,
    /// How the shift rounds.
    pub rounding: Rounding,
}

/// A tensor of activations.
#[derive(Clone, Debug)]
pub struct TensorSpec {
    /// Type of the elements.
    pub element: ElementType,
    /// One to four dimensions; the file has room for four.
    pub dims: Vec<u32>,
    /// The quantised value of real zero.
    pub zero_point: i32,
    /// Real units of one quantised unit.
    pub scale: U32F96,
}

/// The decision head.
#[derive(Clone, Copy, Debug)]
pub struct HeadSpec {
    /// ArgMax or threshold.
    pub kind: HeadKind,
    /// Tensor of the scores.
    pub scores: u16,
    /// Decisions with a smaller margin carry the low-margin flag.
    pub low_margin: I32F32,
}

impl ModelSpec {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        container::to_bytes(&self.sections())
    }

    /// The file's sections, in order, before they are laid out.
    pub fn sections(&self) -> Vec<Section> {
        use SectionKind as Kind;
        let (operators, data) = records::operators(&self.operators);
        let mut sections = vec![
            Section::of(Kind::Schema, records::all(&self.features, records::feature)),
            Section::of(Kind::Program, records::all(&self.program, records::step)),
            Section::of(Kind::Tensors, records::all(&self.tensors, records::tensor)),
            Section::of(Kind::Operators, operators),
            Section::of(Kind::Data, vec![data]),
            Section::of(Kind::Head, vec![records::head(&self.head)]),
            Section::of(Kind::Outcomes, records::all(&self.outcomes, |name| records::outcome(name))),
        ];
        if !self.provenance.is_empty() {
            let text = records::provenance(&self.provenance);
            sections.push(Section { flags: SKIPPABLE, ..Section::of(Kind::Provenance, vec![text]) });
        }
        sections
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfer::format::Parameters;

    fn spec() -> ModelSpec {
        let scale = U32F96::from_num(3) / 4;
        ModelSpec {
            features: vec![
                FeatureSpec { name: "depth".into(), unit: "count".into(), lo: -3, hi: 9 },
                FeatureSpec { name: "x".repeat(60), unit: "ns".into(), lo: 0, hi: i64::MAX },
            ],
            program: vec![
                StepSpec { source: 0, multiplier: -5, bias: 1 << 100, shift: 7, rounding: Rounding::HalfEven },
                StepSpec { source: 1, multiplier: 1, bias: -1, shift: 0, rounding: Rounding::HalfEven },
            ],
            tensors: vec![
                TensorSpec { element: ElementType::I8, dims: vec![2], zero_point: -128, scale },
                TensorSpec { element: ElementType::I16, dims: vec![1, 3], zero_point: 5, scale },
                TensorSpec { element: ElementType::I16, dims: vec![1, 3], zero_point: 5, scale },
            ],
            operators: vec![
                OperatorSpec::Dense(DenseSpec {
                    input: 0,
                    output: 1,
                    rows: RowsSpec {
                        weights: vec![1i8, -2, 3, -4, 5, -6].into(),
                        biases: vec![7, -8, 9],
                        multipliers: vec![1 << 30, 10, 11],
                        shifts: vec![40, 1, 2],
                        rounding: Rounding::HalfEven,
                        lo: 5,
                        hi: 100,
                    },
                    skip_zeros: false,
                }),
                OperatorSpec::Clip(ClipSpec { input: 1, output: 2, lo: -1, hi: 1 }),
            ],
            head: HeadSpec { kind: HeadKind::ArgMax, scores: 2, low_margin: I32F32::ONE },
            outcomes: vec!["a".into(), "b".into(), "c".into()],
            provenance: vec![("made by".into(), "a test".into()), ("note".into(), "two\nlines".into())],
        }
    }

    #[test]
    fn the_reader_reads_what_the_writer_wrote() {
        let bytes = spec().to_bytes();
        let model = kinfer::Model::parse(&bytes).unwrap();
        let features: Vec<_> = model.features().iter().collect();
        assert_eq!((features[0].name.as_str(), features[0].unit.as_str()), ("depth", "count"));
        assert_eq!((features[0].lo, features[0].hi, features[1].hi), (-3, 9, i64::MAX));
        assert_eq!(features[1].name.as_str(), "x".repeat(48), "a name is cut to the field's size");
        let steps: Vec<_> = model.program().iter().collect();
        assert_eq!(
            steps[0].kind,
            kinfer::format::StepKind::Affine { multiplier: -5, bias: 1 << 100, shift: 7, rounding: Rounding::HalfEven }
        );
        assert_eq!(steps[1].source, 1);
        let tensor = model.tensors().get(1).unwrap();
        assert_eq!((tensor.element, tensor.zero_point, tensor.dims), (ElementType::I16, 5, [1, 3, 1, 1]));
        assert_eq!(tensor.scale, U32F96::from_num(3) / 4);
        assert_eq!((model.head().kind, model.head().scores), (HeadKind::ArgMax, 2));
        assert_eq!(model.head().low_margin, I32F32::ONE);
        assert_eq!(model.outcomes().iter().map(|name| name.to_string()).collect::<String>(), "abc");
        assert_eq!(model.provenance(), b"made by: a test\nnote: two lines\n");
    }

    #[test]
    fn offsets_of_a_dense_layer_point_at_its_parameters() {
        let bytes = spec().to_bytes();
        let model = kinfer::Model::parse(&bytes).unwrap();
        let Parameters::Dense(dense) = model.operators().get(0).unwrap().parameters else { panic!("not dense") };
        let data = |offset: u32, length: usize| &model.data()[offset as usize..][..length];
        let dense = dense.weights;
        assert_eq!(data(dense.weights, 6), [1, 254, 3, 252, 5, 250]);
        assert_eq!(data(dense.biases + 8, 8), (-8i64).to_le_bytes());
        assert_eq!(data(dense.requantize.multipliers, 4), (1i32 << 30).to_le_bytes());
        assert_eq!(data(dense.requantize.shifts, 3), [40, 1, 2]);
        assert_eq!((dense.requantize.lo, dense.requantize.hi), (5, 100));
        assert_eq!((dense.biases % 8, dense.requantize.multipliers % 4), (0, 0));
    }

    #[test]
    fn a_sealed_file_has_the_right_checksum_and_length_again() {
        let mut bytes = spec().to_bytes();
        let last = bytes.len() - 1;
        bytes[last] = b' ';
        assert!(kinfer::Model::parse(&bytes).is_err());
        container::seal(&mut bytes);
        assert!(kinfer::Model::parse(&bytes).is_ok());
    }
}
