//! Operators, one at a time.

use kinfer::format::{ElementType, Leaves, PoolMode, Rounding};
use kinfer_convert::kinf::functions::softmax;
use kinfer_convert::kinf::*;

use super::{Random, scale};

const ROUNDINGS: [Rounding; 4] = [Rounding::HalfEven, Rounding::TfliteSingle, Rounding::TfliteDouble, Rounding::Shift];
const ANY: [ElementType; 3] = [ElementType::I8, ElementType::I16, ElementType::I32];

/// Appends an operator, and the tensor that it writes; whether it is valid is the verifier's to say.
pub(super) fn append(random: &mut Random, spec: &mut ModelSpec) {
    let last = spec.tensors.len() - 1;
    let x = if random.below(3) == 0 { random.below(last as u64 + 1) as usize } else { last };
    let z = random.below(last as u64 + 1) as usize;
    let grown = Grown { random, spec, x, z };
    let (operator, tensor) = grown.operator();
    spec.operators.push(operator);
    spec.tensors.push(tensor);
}

/// A model that gets another operator, which reads tensor `x`, and `z` if it reads two.
struct Grown<'a> {
    random: &'a mut Random,
    spec: &'a ModelSpec,
    x: usize,
    z: usize,
}

impl Grown<'_> {
    fn operator(self) -> (OperatorSpec, TensorSpec) {
        match self.random.below(18) {
            0 | 1 => self.dense(),
            2 => self.clip(),
            3 => self.conv(),
            4 => self.pool(),
            5 => self.rescale(),
            6 => self.table(),
            7 => self.softmax(),
            8 => self.add(),
            9 => self.mul(),
            10 => self.concat(),
            11 => self.slice(),
            12 => self.reshape(),
            13 => self.trees(),
            14 => self.additive(),
            15 => self.distance(),
            16 => self.squared_error(),
            _ => self.state(),
        }
    }

    fn input(&self) -> u16 {
        self.x as u16
    }

    fn output(&self) -> u16 {
        self.spec.tensors.len() as u16
    }

    fn tensor(&self) -> &TensorSpec {
        &self.spec.tensors[self.x]
    }

    fn elements(&self) -> usize {
        self.tensor().dims.iter().product::<u32>() as usize
    }

    /// A tensor of its own type and scale.
    fn other(&mut self, dims: Vec<u32>) -> TensorSpec {
        let element = self.random.pick(&ANY);
        TensorSpec { element, dims, zero_point: self.random.zero_point(element), scale: scale(self.random) }
    }

    /// The input's tensor in another shape.
    fn shaped(&self, dims: Vec<u32>) -> TensorSpec {
        TensorSpec { dims, ..self.tensor().clone() }
    }

    fn factor(&mut self, rounding: Rounding) -> (i32, u8) {
        let random = &mut *self.random;
        match (rounding, random.below(3)) {
            (Rounding::Shift, _) => (1, random.below(20) as u8),
            (Rounding::TfliteDouble, 0) => (random.between(1 << 30, (1 << 31) - 1) as i32, 26 + random.below(6) as u8),
            (Rounding::TfliteDouble, _) => (random.between(1 << 30, (1 << 31) - 1) as i32, 31 + random.below(20) as u8),
            // Ties.
            (_, 0) => (1 << random.below(4), 1 + random.below(10) as u8),
            (_, 1) => (random.bits() as i32 & i32::MAX, random.below(95) as u8),
            _ => (random.between(1 << 30, (1 << 31) - 1) as i32, 28 + random.below(30) as u8),
        }
    }

    fn weights(&mut self, count: usize) -> WeightsSpec {
        let shift = self.random.below(16);
        let random = &mut *self.random;
        match random.below(2) {
            0 => WeightsSpec::I8((0..count).map(|_| random.bits() as i8 >> shift.min(7)).collect()),
            _ => WeightsSpec::I16((0..count).map(|_| random.bits() as i16 >> shift).collect()),
        }
    }

    fn rows(&mut self, row: usize, channels: usize, element: ElementType) -> RowsSpec {
        let rounding = self.random.pick(&ROUNDINGS);
        let same = self.random.below(4) == 0;
        let one = self.factor(rounding);
        let factors: Vec<_> = (0..channels).map(|_| if same { one } else { self.factor(rounding) }).collect();
        let (lo, hi) = self.random.bounds(element);
        let wide = self.random.below(8) == 0;
        let bias = |random: &mut Random| if wide { random.wild() >> 9 } else { random.between(-3_000, 3_000) };
        RowsSpec {
            weights: self.weights(row * channels),
            biases: (0..channels).map(|_| bias(self.random)).collect(),
            multipliers: factors.iter().map(|factor| factor.0).collect(),
            shifts: factors.iter().map(|factor| factor.1).collect(),
            rounding,
            lo,
            hi,
        }
    }

    fn dense(mut self) -> (OperatorSpec, TensorSpec) {
        let outputs = 1 + self.random.below(9) as usize;
        let tensor = self.other(vec![outputs as u32]);
        let rows = self.rows(self.elements(), outputs, tensor.element);
        let skip_zeros = self.random.below(3) == 0;
        (OperatorSpec::Dense(DenseSpec { input: self.input(), output: self.output(), rows, skip_zeros }), tensor)
    }

    fn clip(self) -> (OperatorSpec, TensorSpec) {
        let (lo, hi) = self.random.bounds(self.spec.tensors[self.x].element);
        let clip = ClipSpec { input: self.input(), output: self.output(), lo, hi };
        (OperatorSpec::Clip(clip), self.tensor().clone())
    }

    /// Height, width and channels.
    fn image(&self) -> [u32; 3] {
        match self.tensor().dims.as_slice() {
            &[height, width, channels] => [height, width, channels],
            _ => [1, 1, self.elements() as u32],
        }
    }

    fn window(&mut self, dilated: bool) -> WindowSpec {
        let random = &mut *self.random;
        let mut pair = |lo: i64, hi: i64| [random.between(lo, hi) as u16, random.between(lo, hi) as u16];
        let kernel = pair(1, 3);
        WindowSpec {
            kernel,
            stride: pair(1, 2),
            dilation: if dilated { pair(1, 2) } else { [1, 1] },
            before: pair(0, 2),
            after: pair(0, 1),
        }
    }

    fn conv(mut self) -> (OperatorSpec, TensorSpec) {
        let ([height, width, channels], window) = (self.image(), self.window(true));
        let divisors: Vec<u32> = (1..=channels).filter(|groups| channels.is_multiple_of(*groups)).collect();
        let groups = self.random.pick(&divisors);
        let outputs = groups * (1 + self.random.below(3) as u32);
        let [rows, columns] = window.positions(height, width);
        let tensor = self.other(vec![rows, columns, outputs]);
        let row = usize::from(window.kernel[0]) * usize::from(window.kernel[1]) * (channels / groups) as usize;
        let rows = self.rows(row, outputs as usize, tensor.element);
        (OperatorSpec::Conv(ConvSpec { input: self.input(), output: self.output(), rows, window, groups }), tensor)
    }

    fn pool(mut self) -> (OperatorSpec, TensorSpec) {
        let ([height, width, channels], window) = (self.image(), self.window(false));
        let [rows, columns] = window.positions(height, width);
        let mode = self.random.pick(&[PoolMode::Max, PoolMode::Average, PoolMode::AveragePadded]);
        let rounding = match mode {
            PoolMode::Max => Rounding::HalfEven,
            _ => self.random.pick(&[Rounding::HalfEven, Rounding::TfliteDouble]),
        };
        let pool = PoolSpec { input: self.input(), output: self.output(), mode, rounding, window };
        (OperatorSpec::Pool(pool), self.shaped(vec![rows, columns, channels]))
    }

    /// A factor of an operator from element to element.
    fn slope(&mut self, rounding: Rounding) -> (i32, u8) {
        match rounding {
            Rounding::Shift => (1 << self.random.below(12), self.random.below(20) as u8),
            _ => {
                let (multiplier, shift) = self.factor(rounding);
                (multiplier, shift.min(62))
            }
        }
    }

    fn rescale(mut self) -> (OperatorSpec, TensorSpec) {
        let tensor = self.other(self.tensor().dims.clone());
        let rounding = self.random.pick(&ROUNDINGS);
        let (above, mut below) = (self.slope(rounding), self.slope(rounding));
        if self.random.below(3) == 0 {
            below = above;
        }
        let (lo, hi) = self.random.bounds(tensor.element);
        let (input, output) = (self.input(), self.output());
        (OperatorSpec::Rescale(RescaleSpec { input, output, above, below, rounding, lo, hi }), tensor)
    }

    fn table(mut self) -> (OperatorSpec, TensorSpec) {
        let tensor = self.other(self.tensor().dims.clone());
        let (min, max) = tensor.element.range();
        let random = &mut *self.random;
        let entries = match (self.spec.tensors[self.x].element, tensor.element) {
            (ElementType::I8, ElementType::I8) => EntriesSpec::I8((0..256).map(|_| random.bits() as i8).collect()),
            (ElementType::I8, ElementType::I16) => EntriesSpec::I16((0..256).map(|_| random.bits() as i16).collect()),
            (ElementType::I8, ElementType::I32) => EntriesSpec::I32((0..256).map(|_| random.bits() as i32).collect()),
            _ => {
                let (segment_bits, fraction) = (random.below(7) as i32, random.below(12) as i32);
                let (lo, hi) = random.bounds(tensor.element);
                let most = 1i64 << (31 - fraction);
                let knot = |random: &mut Random| {
                    random.between(i64::from(min).max(-most), i64::from(max).min(most - 1)) << fraction
                };
                let knots = (0..=1usize << segment_bits).map(|_| knot(random) as i32).collect();
                EntriesSpec::Interpolated(KnotsSpec { knots, segment_bits, fraction, lo, hi })
            }
        };
        (OperatorSpec::Table(TableSpec { input: self.input(), output: self.output(), entries }), tensor)
    }

    fn softmax(mut self) -> (OperatorSpec, TensorSpec) {
        let elements = self.elements() as u32;
        let divisors: Vec<u32> = (1..=elements).filter(|row| elements.is_multiple_of(*row)).collect();
        let row = self.random.pick(&divisors);
        let mut tensor = self.other(self.tensor().dims.clone());
        tensor.scale = fixed::types::U32F96::ONE >> (1 + self.random.below(20) as u32);
        let softmax = softmax((self.input(), self.tensor()), (self.output(), &tensor), row);
        (OperatorSpec::Softmax(softmax), tensor)
    }

    fn add(mut self) -> (OperatorSpec, TensorSpec) {
        let tensor = self.other(self.tensor().dims.clone());
        let rounding = self.random.pick(&[Rounding::HalfEven, Rounding::TfliteSingle, Rounding::Shift]);
        let random = &mut *self.random;
        let mut multiplier = || match rounding {
            Rounding::Shift => [1, -1][random.below(2) as usize] << random.below(10),
            _ => random.bits() as i32 >> random.below(31),
        };
        let multipliers = (multiplier(), multiplier());
        let shift = self.random.below(40) as u8;
        let (lo, hi) = self.random.bounds(tensor.element);
        let (inputs, output) = ((self.input(), self.z as u16), self.output());
        (OperatorSpec::Add(AddSpec { inputs, output, multipliers, shift, rounding, lo, hi }), tensor)
    }

    fn mul(mut self) -> (OperatorSpec, TensorSpec) {
        let tensor = self.other(self.tensor().dims.clone());
        let rounding = self.random.pick(&ROUNDINGS);
        let (multiplier, shift) = self.slope(rounding);
        let narrow = if rounding == Rounding::TfliteDouble { 0 } else { 2 };
        let factor = (multiplier >> narrow.min(multiplier.max(1).ilog2()), shift);
        let (lo, hi) = self.random.bounds(tensor.element);
        let (inputs, output) = ((self.input(), self.z as u16), self.output());
        (OperatorSpec::Mul(MulSpec { inputs, output, factor, rounding, lo, hi }), tensor)
    }

    fn concat(mut self) -> (OperatorSpec, TensorSpec) {
        // Few tensors agree in everything: often the same one twice.
        if self.random.below(2) == 0 {
            self.z = self.x;
        }
        let (x, z) = (self.elements() as u32, self.spec.tensors[self.z].dims.iter().product::<u32>());
        let rows = 1 + self.random.below(3) as u32;
        let concat = ConcatSpec { input: self.input(), second: self.z as u16, output: self.output(), rows };
        (OperatorSpec::Concat(concat), self.shaped(vec![x + z]))
    }

    fn slice(self) -> (OperatorSpec, TensorSpec) {
        let rows = 1 + self.random.below(3) as u32;
        let row = (self.elements() as u32 / rows).max(1);
        let (start, stride) = (self.random.below(row.into()) as u32, 1 + self.random.below(3) as u32);
        let most = (row - start).div_ceil(stride);
        let count = 1 + self.random.below(most.into()) as u32;
        let slice = SliceSpec { input: self.input(), output: self.output(), rows, start, count, stride };
        (OperatorSpec::Slice(slice), self.shaped(vec![rows * count]))
    }

    fn reshape(self) -> (OperatorSpec, TensorSpec) {
        let elements = self.elements() as u32;
        let divisors: Vec<u32> = (1..=elements).filter(|height| elements.is_multiple_of(*height)).collect();
        let height = self.random.pick(&divisors);
        let reshape = ReshapeSpec { input: self.input(), output: self.output() };
        (OperatorSpec::Reshape(reshape), self.shaped(vec![height, 1, elements / height]))
    }

    fn trees(mut self) -> (OperatorSpec, TensorSpec) {
        let classes = 1 + self.random.below(4) as usize;
        let mut tensor = self.other(vec![classes as u32]);
        tensor.element = self.random.pick(&[ElementType::I16, ElementType::I32, ElementType::I32]);
        let leaves = self.random.pick(&[Leaves::Value, Leaves::Vector]);
        let missing = self.random.below(2) == 0;
        let elements = self.elements() as u64;
        let count = 1 + self.random.below(12);
        let random = &mut *self.random;
        let trees = (0..count).map(|_| {
            let class = if leaves == Leaves::Value { random.below(classes as u64) as u16 } else { 0 };
            let values = if leaves == Leaves::Value { 1 } else { classes };
            let mut nodes = Vec::new();
            let depth = if random.below(6) == 0 { 12 } else { random.below(6) as u32 };
            grow(random, &mut nodes, depth, elements, missing, values);
            TreeSpec { class, nodes }
        });
        let trees = trees.collect();
        let bases = (0..classes).map(|_| self.random.between(-900, 900) as i32).collect();
        let mut trees = TreesSpec { input: self.input(), output: self.output(), leaves, missing, trees, bases };
        trees.sort();
        (OperatorSpec::Trees(trees), tensor)
    }

    fn additive(mut self) -> (OperatorSpec, TensorSpec) {
        let scores = 1 + self.random.below(3) as usize;
        let mut tensor = self.other(vec![scores as u32]);
        tensor.element = self.random.pick(&[ElementType::I16, ElementType::I32]);
        let elements = self.elements() as u64;
        let random = &mut *self.random;
        let terms = (0..=random.below(4)).map(|_| {
            let elements = [random.below(elements) as u16, random.below(elements) as u16];
            let bins = [1 + random.below(9) as u16, if random.below(2) == 0 { 1 } else { 1 + random.below(6) as u16 }];
            let entries = usize::from(bins[0]) * usize::from(bins[1]) * scores;
            TermSpec { elements, bins, table: (0..entries).map(|_| random.between(-3_000, 3_000) as i32).collect() }
        });
        let terms = terms.collect();
        let bases = (0..scores).map(|_| self.random.between(-900, 900) as i32).collect();
        let additive = AdditiveSpec { input: self.input(), output: self.output(), bases, terms };
        (OperatorSpec::Additive(additive), tensor)
    }

    fn scaling(&mut self, element: ElementType) -> ScalingSpec {
        let rounding = self.random.pick(&ROUNDINGS);
        let (multiplier, shift) = self.factor(rounding);
        let (lo, hi) = self.random.bounds(element);
        ScalingSpec { multiplier, shift, rounding, lo, hi }
    }

    fn distance(mut self) -> (OperatorSpec, TensorSpec) {
        let centroids = 1 + self.random.below(4) as usize;
        let tensor = self.other(vec![centroids as u32]);
        let all = centroids * self.elements();
        let scaling = self.scaling(tensor.element);
        let values = self.weights(all);
        let random = &mut *self.random;
        let weights = (random.below(2) == 0).then(|| (0..all).map(|_| random.between(0, 70) as i32).collect());
        let biases = (random.below(2) == 0).then(|| (0..centroids).map(|_| random.wild() >> 20).collect());
        let (input, output) = (self.input(), self.output());
        let distance = DistanceSpec { input, output, centroids: values, weights, biases, scaling };
        (OperatorSpec::Distance(distance), tensor)
    }

    fn squared_error(mut self) -> (OperatorSpec, TensorSpec) {
        if self.random.below(2) == 0 {
            self.z = self.x;
        }
        let tensor = self.other(vec![1]);
        let scaling = self.scaling(tensor.element);
        let (elements, random) = (self.elements(), &mut *self.random);
        let weights = (random.below(2) == 0).then(|| (0..elements).map(|_| random.between(0, 70) as i32).collect());
        let (input, second, output) = (self.input(), self.z as u16, self.output());
        (OperatorSpec::SquaredError(SquaredErrorSpec { input, second, output, weights, scaling }), tensor)
    }

    fn state(mut self) -> (OperatorSpec, TensorSpec) {
        let slot = 200 + self.random.below(20) as u32;
        let output = self.output();
        if self.random.below(2) == 0 {
            let remember = RememberSpec { input: self.input(), output, slot };
            return (OperatorSpec::Remember(remember), self.tensor().clone());
        }
        let dims = vec![1 + self.random.below(12) as u32];
        let tensor = self.other(dims);
        let (lo, hi) = self.random.bounds(tensor.element);
        (OperatorSpec::Recall(RecallSpec { output, slot, lo, hi }), tensor)
    }
}

/// Grows a tree of at most `depth` comparisons; its root's number.
fn grow(
    random: &mut Random,
    nodes: &mut Vec<TreeNodeSpec>,
    depth: u32,
    elements: u64,
    missing: bool,
    values: usize,
) -> usize {
    let at = nodes.len();
    nodes.push(TreeNodeSpec::Leaf((0..values).map(|_| random.between(-2_000, 2_000) as i32).collect()));
    // Deep trees are chains with few branches.
    if depth > 0 && (depth < 6 || random.below(3) > 0) {
        let next = if depth > 6 { [depth - 1, random.below(2) as u32] } else { [depth - 1, depth - 1] };
        let [left, right] = next.map(|depth| grow(random, nodes, depth, elements, missing, values));
        nodes[at] = TreeNodeSpec::Split {
            feature: random.below(elements) as u16,
            threshold: random.between(-130, 130) as i16,
            left,
            right,
            missing_right: missing && random.below(2) == 0,
        };
    }
    at
}
