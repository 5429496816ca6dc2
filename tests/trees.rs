//! Decision trees: the bits of the wide reference on both backends, inside what was proved, and files that must be refused.

use fixed::types::{I32F32, U32F96};
use kinfer::backend::{Backend, BackendKind, Io, PackedWords, Reference};
use kinfer::format::{ElementType, HeadKind, Leaves, OperatorKind};
use kinfer::verify::Node;
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::kinf::container::{seal, to_bytes};
use kinfer_convert::kinf::{
    FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, StepSpec, TensorSpec, TreeNodeSpec, TreeSpec, TreesSpec,
};
use kinfer_suite::wide;
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

/// A model of one operator over `inputs` counters that are passed as they are.
fn model(element: ElementType, inputs: usize, trees: TreesSpec) -> ModelSpec {
    let classes = trees.bases.len();
    let tensor = |element, elements: usize, zero_point| TensorSpec {
        element,
        dims: vec![elements as u32],
        zero_point,
        scale: U32F96::ONE,
    };
    let step = |source| StepSpec::affine(source, 1, 0, 0, element);
    ModelSpec {
        features: (0..inputs)
            .map(|i| FeatureSpec { name: format!("x{i}"), unit: "count".into(), lo: -1_000, hi: 1_000 })
            .collect(),
        program: (0..inputs as u16).map(step).collect(),
        tensors: vec![tensor(element, inputs, 7), tensor(ElementType::I32, classes, 3)],
        operators: vec![OperatorSpec::Trees(trees)],
        head: HeadSpec {
            kind: if classes == 1 { HeadKind::Threshold(I32F32::ZERO) } else { HeadKind::ArgMax },
            scores: 1,
            low_margin: I32F32::ZERO,
        },
        outcomes: (0..classes.max(2)).map(|class| format!("class{class}")).collect(),
        provenance: vec![],
    }
}

/// Thresholds and inputs: few values, so that they meet, and the ends.
fn near() -> impl Strategy<Value = i16> {
    prop_oneof![
        6 => -4i16..=4,
        2 => any::<i16>(),
        1 => prop::sample::select(vec![i16::MIN, i16::MIN + 1, -129, -128, 127, 128, i16::MAX - 1, i16::MAX]),
    ]
}

/// How a tree grows: what the next node is, drawn from a list that is used up.
#[derive(Clone, Debug)]
struct Seeds {
    /// The deepest that it may become.
    depth: usize,
    /// Of 256, how often a node is a leaf before that.
    leaf: u8,
    /// Where it only grows to one side.
    chain: Option<bool>,
    draws: Vec<(u8, u16, i16, bool)>,
    leaves: Vec<i32>,
}

fn seeds(deepest: usize) -> impl Strategy<Value = Seeds> {
    let depth = prop_oneof![1 => Just(0usize), 8 => 1..=deepest.min(8), 3 => 1..=deepest];
    let chain = prop_oneof![6 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let leaf_value = prop_oneof![4 => -300i32..300, 1 => -40_000i32..40_000, 1 => (i32::MIN / 64)..(i32::MAX / 64)];
    (depth, prop::sample::select(vec![0u8, 40, 120]), chain, any::<bool>(), leaf_value.clone()).prop_flat_map(
        move |(depth, leaf, chain, small, _)| {
            let value = if small { (-300i32..300).boxed() } else { leaf_value.clone().boxed() };
            let draws = vec((any::<u8>(), any::<u16>(), near(), any::<bool>()), 1..64);
            (draws, vec(value, 1..40)).prop_map(move |(draws, leaves)| Seeds { depth, leaf, chain, draws, leaves })
        },
    )
}

impl Seeds {
    fn grow(&self, class: u16, row: usize, inputs: usize, missing: bool) -> TreeSpec {
        let mut growing = Growing { seeds: self, row, inputs, missing, nodes: vec![], splits: 0, leaves: 0 };
        growing.node(self.depth);
        TreeSpec { class, nodes: growing.nodes }
    }
}

struct Growing<'a> {
    seeds: &'a Seeds,
    row: usize,
    inputs: usize,
    missing: bool,
    nodes: Vec<TreeNodeSpec>,
    splits: usize,
    leaves: usize,
}

impl Growing<'_> {
    /// Grows a node, children behind parents, and gives its index.
    fn node(&mut self, depth: usize) -> usize {
        let at = self.nodes.len();
        let draws = &self.seeds.draws;
        let (chance, feature, threshold, right) = draws[self.splits % draws.len()];
        self.splits += 1;
        // A full tree of depth 12 is too much to draw: the deeper a tree may be, the thinner it is.
        let thin = depth + 8 < self.seeds.depth || self.splits > 600;
        if depth == 0 || thin || (at > 0 && chance < self.seeds.leaf) {
            return self.leaf();
        }
        self.nodes.push(TreeNodeSpec::Leaf(vec![]));
        let (left_depth, right_depth) = match self.seeds.chain {
            None => (depth - 1, depth - 1),
            Some(true) => (depth - 1, 0),
            Some(false) => (0, depth - 1),
        };
        let (left, right_child) = (self.node(left_depth), self.node(right_depth));
        self.nodes[at] = TreeNodeSpec::Split {
            feature: feature % self.inputs as u16,
            threshold,
            left,
            right: right_child,
            missing_right: right && self.missing && threshold != i16::MIN,
        };
        at
    }

    fn leaf(&mut self) -> usize {
        let values = &self.seeds.leaves;
        let from = self.leaves;
        self.leaves += self.row;
        self.nodes.push(TreeNodeSpec::Leaf((from..from + self.row).map(|i| values[i % values.len()]).collect()));
        self.nodes.len() - 1
    }
}

/// A forest and rows of inputs.
fn forest(deepest: usize, most: usize) -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    let sizes = (
        prop_oneof![1usize..6, 1usize..40, Just(128usize), Just(200usize)],
        prop_oneof![Just(1usize), Just(2usize), 1usize..6],
    );
    (sizes, any::<[bool; 3]>(), vec((seeds(deepest), any::<u16>()), 1..=most), any::<[i16; 6]>()).prop_flat_map(
        |((inputs, classes), [vector, missing, wide], trees, bases)| {
            let leaves = if vector { Leaves::Vector } else { Leaves::Value };
            let row = if vector { classes } else { 1 };
            let element = if wide { ElementType::I16 } else { ElementType::I8 };
            let grown = trees.iter().map(|(seeds, class)| {
                let class = if vector { 0 } else { class % classes as u16 };
                seeds.grow(class, row, inputs, missing)
            });
            let mut spec = TreesSpec {
                input: 0,
                output: 1,
                leaves,
                missing,
                trees: grown.collect(),
                bases: (0..classes).map(|class| i32::from(bases[class])).collect(),
            };
            spec.sort();
            let input = prop_oneof![8 => near().prop_map(i64::from), 1 => Just(-32_768), 1 => any::<i64>()];
            (Just(model(element, inputs, spec)), vec(vec(input, inputs), 1..8))
        },
    )
}

/// Limits that leave room for whatever is tested here.
fn roomy() -> Limits {
    Limits {
        operations: u64::MAX,
        look_ups: u64::MAX,
        packed_bytes: usize::MAX,
        file_bytes: usize::MAX,
        scratch_bytes: usize::MAX,
        ..Limits::KERNEL
    }
}

/// What `backend` makes of `inputs`; nothing when it does not run such an operator.
fn outputs(backend: &impl Backend, node: &Node<'_>, inputs: &[i32]) -> Option<Vec<i32>> {
    let need = backend.need(node)?;
    let mut memory = vec![i64::MIN; need.words as usize];
    backend.pack(node, &mut memory);
    let (mut output, mut workspace) = (vec![i32::MIN; node.outputs()], vec![i64::MIN; need.workspace as usize]);
    let io = Io { input: inputs, second: &[], output: &mut output, workspace: &mut workspace, state: &mut [] };
    backend.run(OperatorKind::Trees, &memory, io);
    Some(output)
}

fn check(spec: &ModelSpec, rows: &[Vec<i64>]) -> Result<(), TestCaseError> {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &roomy()).unwrap();
    let packed = Packed::new(&model, &report, vec![i64::MIN; report.packed_words]).unwrap();
    let mut scratch = vec![i64::MIN; report.scratch_words];
    let operator = model.operators().get(0).unwrap();
    let node = verify::node(&model, &operator, &report).unwrap();
    let (lo, hi) = spec.tensors[0].element.range();
    for row in rows {
        let expected = wide::decide(spec, row);
        let decision = packed.decide(&mut scratch, row);
        prop_assert_eq!(decision.class, expected.class);
        prop_assert_eq!(decision.value.to_bits(), expected.value);
        prop_assert_eq!(decision.margin.to_bits(), expected.margin);
        let scores: Vec<i32> = expected.outputs[0].iter().map(|score| score.to_i32().unwrap()).collect();
        for &score in &scores {
            prop_assert!(report.operators[0].output.contains(score.into()));
            prop_assert!(report.operators[0].accumulator.contains(score.into()));
        }
        let inputs: Vec<i32> = row.iter().map(|&x| x.clamp(lo.into(), hi.into()) as i32).collect();
        prop_assert_eq!(packed.infer(&mut scratch, &mut [], &inputs), &scores[..]);
        prop_assert_eq!(outputs(&Reference, &node, &inputs).unwrap(), scores.clone());
        if let Some(packed) = outputs(&PackedWords, &node, &inputs) {
            prop_assert_eq!(packed, scores);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_forest_equals_the_wide_reference_on_both_backends((spec, rows) in forest(12, 24)) {
        check(&spec, &rows)?;
    }

    #[test]
    fn a_shallow_forest_goes_down_together_and_equals_the_wide_reference((spec, rows) in forest(8, 40)) {
        check(&spec, &rows)?;
    }

    #[test]
    fn damaged_trees_are_refused_or_run(
        (spec, rows) in forest(6, 6),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut sections = spec.sections();
        let data = sections.iter_mut().filter(|section| section.kind == 5 || section.kind == 4);
        for section in data {
            for (index, value) in &damage {
                let at = index.index(section.bytes.len());
                section.bytes[at] = *value;
            }
        }
        let mut bytes = to_bytes(&sections);
        seal(&mut bytes);
        let Ok(model) = Model::parse(&bytes) else { return Ok(()) };
        let Ok(report) = verify(&model, &Limits::KERNEL) else { return Ok(()) };
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let mut scratch = vec![0; report.scratch_words];
        for row in &rows {
            let decision = packed.decide(&mut scratch, row);
            prop_assert!((decision.class as usize) < report.outcomes);
        }
    }
}

/// `x[feature] <= threshold`, children by index.
fn split(feature: u16, threshold: i16, left: usize, right: usize) -> TreeNodeSpec {
    TreeNodeSpec::Split { feature, threshold, left, right, missing_right: false }
}

fn leaf(value: i32) -> TreeNodeSpec {
    TreeNodeSpec::Leaf(vec![value])
}

/// Two trees over two inputs: three nodes, one node.
fn small() -> TreesSpec {
    let first = vec![split(0, 10, 1, 2), split(1, -3, 3, 4), split(1, 5, 5, 6), leaf(1), leaf(2), leaf(4), leaf(8)];
    let second = vec![split(1, 0, 1, 2), leaf(100), leaf(-100)];
    let tree = |nodes| TreeSpec { class: 0, nodes };
    let trees = vec![tree(first), tree(second)];
    TreesSpec { input: 0, output: 1, leaves: Leaves::Value, missing: false, trees, bases: vec![1_000] }
}

/// The sentence with which a file is refused, after `damage` to the operator's record and the data section.
fn refusal(trees: TreesSpec, damage: impl FnOnce(&mut [u8], &mut Vec<u8>)) -> String {
    let mut sections = model(ElementType::I16, 2, trees).sections();
    let (operators, data) = sections.split_at_mut(4);
    damage(&mut operators[3].bytes, &mut data[0].bytes);
    let bytes = to_bytes(&sections);
    match Model::parse(&bytes).and_then(|model| verify(&model, &roomy())) {
        Ok(_) => "taken".into(),
        Err(error) => error.to_string(),
    }
}

/// Where the parts lie in the data section of [`small`]: two trees in the table, four nodes, six leaves, one base.
const NODES_AT: usize = 8;
const VALUES_AT: usize = 24;

fn record_damage(at: usize, value: u8) -> impl FnOnce(&mut [u8], &mut Vec<u8>) {
    move |record, _| record[at] = value
}

fn data_damage(at: usize, bytes: &[u8]) -> impl FnOnce(&mut [u8], &mut Vec<u8>) + use<'_> {
    move |_, data| data[at..at + bytes.len()].copy_from_slice(bytes)
}

#[test]
fn a_small_forest_is_taken_and_adds_up() {
    assert_eq!(refusal(small(), |_, _| ()), "taken");
    let bytes = model(ElementType::I16, 2, small()).to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let (proved, look_ups) = (report.operators[0], report.look_ups);
    assert_eq!((proved.output.lo, proved.output.hi, look_ups), (1_000 + 1 - 100, 1_000 + 8 + 100, 3));
    let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
    let mut scratch = vec![0; report.scratch_words];
    for (inputs, score) in [([10, -3], 1_101), ([10, -2], 1_102), ([11, 5], 904), ([11, 6], 908), ([-99, 0], 1_102)] {
        assert_eq!(packed.infer(&mut scratch, &mut [], &inputs), [score], "{inputs:?}");
    }
}

#[test]
fn files_past_each_limit_are_refused() {
    let refused = |is: String, sentence: &str| assert_eq!(is, format!("op 0 (trees): {sentence}"));
    refused(refusal(small(), record_damage(3, 2)), "form of leaves 2 is not known to this build");
    refused(refusal(small(), record_damage(10, 2)), "reserved bytes at 10 are not zero");
    refused(refusal(small(), record_damage(40, 1)), "reserved bytes at 36 are not zero");
    refused(refusal(small(), record_damage(36, 0)), "has 0 records, 1 to 65536 are allowed");
    refused(refusal(small(), record_damage(39, 1)), "has 16777218 records, 1 to 65536 are allowed");
    refused(refusal(small(), record_damage(14, 1)), "trees end at byte 65544, section data has 52");
    refused(refusal(small(), record_damage(17, 1)), "nodes end at byte 280, section data has 52");
    refused(refusal(small(), record_damage(21, 1)), "leaf values end at byte 304, section data has 52");
    refused(refusal(small(), record_damage(25, 1)), "bases end at byte 308, section data has 52");
    refused(refusal(small(), data_damage(1, &[0x80])), "tree 0 has 32771 nodes, at most 32767 are allowed");
    refused(refusal(small(), data_damage(2, &[1])), "tree 0 is of class 1, from 0 on and below 1 it could be");
    refused(refusal(small(), data_damage(NODES_AT, &[2])), "tree 0: node 0 reads element 2 of an input of 2");
    refused(refusal(small(), data_damage(NODES_AT + 5, &[0x1f])), "tree 0: node 1 reads element 7937 of an input of 2");
    // A node that no other leads to: what a file with a cycle or two ways to one node would need.
    refused(refusal(small(), data_damage(NODES_AT + 1, &[0])), "tree 0: node 1 is no node's child");
    refused(refusal(small(), data_damage(NODES_AT + 1, &[0x40])), "tree 0: node 2 is no node's child");
    refused(refusal(small(), data_damage(NODES_AT + 9, &[0x40])), "tree 0: the children lead to 4 nodes, it has 3");
    refused(refusal(small(), data_damage(NODES_AT + 12, &[0, 0x80])), "tree 1: the children lead to 2 nodes, it has 1");
    refused(
        refusal(small(), data_damage(NODES_AT + 1, &[0xe0])),
        "tree 0: node 0 sends missing values right, where none are or nothing goes left",
    );
    refused(
        refusal(TreesSpec { missing: true, ..small() }, data_damage(NODES_AT, &[0, 0xe0, 0, 0x80])),
        "tree 0: node 0 sends missing values right, where none are or nothing goes left",
    );
    refused(
        refusal(small(), data_damage(VALUES_AT, &i32::MAX.to_le_bytes())),
        "the accumulator of channel 0 could overflow",
    );
    refused(
        refusal(TreesSpec { bases: vec![0], ..small() }, data_damage(VALUES_AT, &i32::MIN.to_le_bytes())),
        "the accumulator of channel 0 could overflow",
    );
}

#[test]
fn a_tree_with_a_cycle_is_refused() {
    let trees = vec![TreeSpec { class: 0, nodes: vec![split(0, 1, 0, 1), leaf(3)] }];
    let sentence = "op 0 (trees): tree 0 has 65535 nodes, at most 32767 are allowed";
    assert_eq!(refusal(TreesSpec { trees, ..small() }, |_, _| ()), sentence);
}

/// A chain to the left of so many nodes.
fn chain(depth: usize) -> TreeSpec {
    let mut nodes: Vec<_> = (0..depth).map(|at| split(0, -(at as i16), at + 1, depth + 1 + at)).collect();
    nodes.extend((0..=depth).map(|at| leaf(at as i32)));
    TreeSpec { class: 0, nodes }
}

#[test]
fn the_deepest_tree_is_taken_and_a_deeper_one_refused() {
    let of = |depth| TreesSpec { trees: vec![chain(depth)], ..small() };
    assert_eq!(refusal(of(32), |_, _| ()), "taken");
    assert_eq!(refusal(of(33), |_, _| ()), "op 0 (trees): tree 0 is deeper than 32");
    let rows: Vec<_> = (-40..3).map(|x| vec![x, 0]).collect();
    for depth in [1, 2, 7, 8, 9, 31, 32] {
        check(&model(ElementType::I16, 2, of(depth)), &rows).unwrap();
    }
}

#[test]
fn classes_out_of_order_are_refused_and_sorting_mends_it() {
    let of = |class| TreeSpec { class, ..chain(3) };
    let mut trees = TreesSpec { trees: vec![of(1), of(0)], bases: vec![0, 0], ..small() };
    let sentence = "op 0 (trees): tree 1 is of class 0, from 1 on and below 2 it could be";
    assert_eq!(refusal(trees.clone(), |_, _| ()), sentence);
    trees.sort();
    assert_eq!(refusal(trees, |_, _| ()), "taken");
}

#[test]
fn trees_of_a_single_leaf_are_part_of_the_bases() {
    let trees = vec![TreeSpec { class: 0, nodes: vec![leaf(7)] }; 3];
    let spec = model(ElementType::I8, 1, TreesSpec { trees, ..small() });
    check(&spec, &[vec![0], vec![-32_768]]).unwrap();
}

#[test]
fn a_tensor_without_elements_is_refused() {
    let mut spec = model(ElementType::I16, 2, small());
    spec.tensors[1].dims = vec![0];
    let sentence = "tensor 1: the rank is not 1 to 4, or a dimension is zero or too large";
    assert_eq!(Model::parse(&spec.to_bytes()).unwrap_err().to_string(), sentence);
}

#[test]
fn a_forest_of_the_size_of_a_benchmark_goes_down_together() {
    let full = |depth: usize, salt: usize| {
        let inner = (1usize << depth) - 1;
        let node = |at: usize| match at < inner {
            true => {
                split(((at * 7 + salt) % 2) as u16, ((at * 37 + salt * 11) % 200) as i16 - 100, 2 * at + 1, 2 * at + 2)
            }
            false => leaf((at * 31 + salt) as i32 % 1_000),
        };
        TreeSpec { class: 0, nodes: (0..2 * inner + 1).map(node).collect() }
    };
    for (trees, depth) in [(100, 6), (16, 8)] {
        let trees = (0..trees).map(|salt| full(depth, salt)).collect();
        let spec = model(ElementType::I16, 2, TreesSpec { trees, ..small() });
        let bytes = spec.to_bytes();
        let model = Model::parse(&bytes).unwrap();
        let report = verify(&model, &Limits::KERNEL).unwrap();
        assert_eq!(report.operators[0].backend, BackendKind::Packed);
        check(&spec, &(-110..110).map(|x| vec![x, -x]).collect::<Vec<_>>()).unwrap();
    }
}
