//! The engine's tensors and operators, as they come about.

use kinfer::format::{PoolMode, Rounding};

use super::super::GraphError;
use super::super::node::Site;
use super::factor;
use super::kind::{Kind, Params};
use super::layout::Order;
use super::value::Integers;
use crate::kinf::{ConcatSpec, OperatorSpec, PoolSpec, ReshapeSpec, SliceSpec, TensorSpec, WindowSpec};

/// Tensor 0 is the feature program's; operator *i* writes tensor *i* + 1.
#[derive(Debug, Default)]
pub(super) struct Builder {
    tensors: Vec<Tensor>,
    pub(super) operators: Vec<OperatorSpec>,
    /// Scale and engine's zero point of each class, once a node has said them.
    classes: Vec<Option<(f64, i32)>>,
    /// Order of tensor 0.
    pub(super) input: Option<Order>,
    /// Order of tensor 0 that a window would need.
    pub(super) wanted: Option<Order>,
}

#[derive(Debug)]
struct Tensor {
    kind: Kind,
    dims: Vec<u32>,
    class: usize,
    /// Whether tensor 0 lies here too: through reshapes alone.
    is_input: bool,
}

impl Builder {
    /// Tensor 0.
    pub(super) fn input(&mut self, kind: Kind, dims: &[usize], order: Order, params: Option<&Params>) -> Integers {
        self.input = Some(order.clone());
        let class = self.class(params);
        let tensor = self.place(kind, vec![order.numbers().len()], class, true);
        Integers { tensor, class, kind, dims: dims.to_vec(), order, name: String::new() }
    }

    /// Reads `integers` with scale and zero point that a node gives.
    pub(super) fn read(&mut self, integers: &Integers, params: &Params, site: &Site) -> Result<(), GraphError> {
        if params.kind != integers.kind {
            return Err(GraphError::node(
                site,
                format!("its zero point is {}, the tensor {}", params.kind.name(), integers.kind.name()),
                "a zero point has the type of its tensor",
            ));
        }
        let Some(class) = self.classes.get_mut(integers.class) else { return Ok(()) };
        let is = (f64::from(params.scale), params.engine_zero_point());
        let was = *class.get_or_insert(is);
        if was != is {
            let offset = integers.kind.offset();
            return Err(GraphError::node(
                site,
                format!(
                    "reads a tensor with scale {} and zero point {} that was written with {} and {}",
                    is.0,
                    is.1 + offset,
                    was.0,
                    was.1 + offset
                ),
                "writer and readers of a quantised tensor share scale and zero point: quantise the model again",
            ));
        }
        Ok(())
    }

    /// Reads `integers` with a zero point alone.
    pub(super) fn read_units(&mut self, integers: &Integers, params: &Params, site: &Site) -> Result<(), GraphError> {
        let said = self.params(integers).filter(|&(_, zero_point)| zero_point == params.engine_zero_point());
        let scale = said.map_or(params.scale, |(scale, _)| scale as f32);
        self.read(integers, &Params { scale, ..*params }, site)
    }

    /// The operator that `make` gives, from the number of its output, which has `params`.
    pub(super) fn emit(
        &mut self,
        params: &Params,
        dims: &[usize],
        order: Order,
        make: impl FnOnce(u16) -> OperatorSpec,
    ) -> Integers {
        let class = self.class(Some(params));
        let lies = lies(dims, &order);
        self.emit_as(params.kind, class, (dims, lies), order, make)
    }

    /// As [`Builder::emit`], for an output that shares its input's scale and zero point.
    pub(super) fn emit_like(
        &mut self,
        like: &Integers,
        dims: &[usize],
        order: Order,
        make: impl FnOnce(u16) -> OperatorSpec,
    ) -> Integers {
        let lies = lies(dims, &order);
        self.emit_as(like.kind, like.class, (dims, lies), order, make)
    }

    /// Int32 scores of `scale`.
    pub(super) fn emit_scores(
        &mut self,
        scale: f64,
        dims: &[usize],
        order: Order,
        make: impl FnOnce(u16) -> OperatorSpec,
    ) -> Integers {
        self.classes.push(Some((scale, 0)));
        let lies = lies(dims, &order);
        self.emit_as(Kind::I32, self.classes.len() - 1, (dims, lies), order, make)
    }

    fn emit_as(
        &mut self,
        kind: Kind,
        class: usize,
        (dims, lies): (&[usize], Vec<usize>),
        order: Order,
        make: impl FnOnce(u16) -> OperatorSpec,
    ) -> Integers {
        let tensor = self.place(kind, lies, class, false);
        self.operators.push(make(tensor as u16));
        Integers { tensor, class, kind, dims: dims.to_vec(), order, name: String::new() }
    }

    fn place(&mut self, kind: Kind, dims: Vec<usize>, class: usize, is_input: bool) -> usize {
        let dims = dims.into_iter().map(|dim| u32::try_from(dim).unwrap_or(u32::MAX)).collect();
        self.tensors.push(Tensor { kind, dims, class, is_input });
        self.tensors.len() - 1
    }

    fn class(&mut self, params: Option<&Params>) -> usize {
        self.classes.push(params.map(|params| (f64::from(params.scale), params.engine_zero_point())));
        self.classes.len() - 1
    }

    /// `integers` as an image `[height, width, channels]` of the engine: its tensor and height, width, channels.
    pub(super) fn image(&mut self, integers: &Integers, site: &Site) -> Result<(u16, [usize; 3]), GraphError> {
        let [height, width, channels] = match integers.dims[..] {
            [channels, height, width] => [height, width, channels],
            [channels, width] => [1, width, channels],
            _ => {
                let what = format!("its input of one row is {:?}", integers.dims);
                return Err(GraphError::unsupported(
                    site,
                    what + ", windows need [channels, width] or [channels, height, width]",
                ));
            }
        };
        let wanted = Order::channel_last(&integers.dims);
        if integers.order != wanted {
            self.want(integers, &wanted);
            let what = "its input lies in an order that the engine's windows do not read";
            return Err(GraphError::unsupported(site, what));
        }
        Ok((self.shaped(integers, &[height, width, channels]), [height, width, channels]))
    }

    /// The tensor under the engine's dimensions `dims`: a reshape where it has others.
    pub(super) fn shaped(&mut self, integers: &Integers, dims: &[usize]) -> u16 {
        let dims: Vec<u32> = dims.iter().map(|&dim| dim as u32).collect();
        let number = integers.tensor as u16;
        let Some(tensor) = self.tensors.get(integers.tensor).filter(|tensor| tensor.dims != dims) else {
            return number;
        };
        let (kind, is_input) = (tensor.kind, tensor.is_input);
        self.tensors.push(Tensor { kind, dims, class: integers.class, is_input });
        let output = (self.tensors.len() - 1) as u16;
        self.operators.push(OperatorSpec::Reshape(ReshapeSpec { input: number, output }));
        output
    }

    /// Notes the order of tensor 0 with which `integers` would lie as `wanted`.
    fn want(&mut self, integers: &Integers, wanted: &Order) {
        let is_input = self.tensors.get(integers.tensor).is_some_and(|tensor| tensor.is_input);
        let Some(base) = self.input.as_ref().filter(|_| is_input && self.wanted.is_none()) else { return };
        let places = integers.order.places();
        let number = |wanted: &usize| places.get(*wanted).and_then(|&place| base.numbers().get(place)).copied();
        self.wanted = wanted.numbers().iter().map(number).collect::<Option<Vec<_>>>().and_then(Order::new);
    }

    /// Pooling over windows; the output shares scale and zero point.
    pub(super) fn pool(
        &mut self,
        integers: &Integers,
        window: WindowSpec,
        mode: PoolMode,
        site: &Site,
    ) -> Result<Integers, GraphError> {
        let (input, [height, width, channels]) = self.image(integers, site)?;
        let [rows, columns] = window.positions(height as u32, width as u32).map(|size| size as usize);
        let dims = image_dims(integers.dims.len(), channels, rows, columns);
        Ok(self.emit_like(integers, &dims, Order::channel_last(&dims), |output| {
            OperatorSpec::Pool(PoolSpec { input, output, mode, rounding: Rounding::HalfEven, window })
        }))
    }

    /// Two values side by side along `axis`; both are of one class.
    pub(super) fn concat(
        &mut self,
        a: &Integers,
        b: &Integers,
        axis: usize,
        site: &Site,
    ) -> Result<Integers, GraphError> {
        let refuse = |what: String| Err(GraphError::node(site, what, "inputs of a Concat differ along its axis only"));
        let differ = |(at, (a, b)): (usize, (&usize, &usize))| at != axis && a != b;
        if a.dims.len() != b.dims.len() || axis >= a.dims.len() || a.dims.iter().zip(&b.dims).enumerate().any(differ) {
            return refuse(format!(
                "does not put {:?} and {:?} side by side along axis {axis} of a row",
                a.dims, b.dims
            ));
        }
        let mut dims = a.dims.clone();
        let (of_a, of_b) = (a.dims[axis], b.dims[axis]);
        dims[axis] = of_a + of_b;
        // Number of an input's element in the output.
        let inner: usize = dims.iter().skip(axis + 1).product();
        let number = |element: usize, size: usize, first: usize| {
            let (outer, rest) = (element / (size * inner), element % (size * inner));
            outer * dims[axis] * inner + first * inner + rest
        };
        let numbered = |of: &Integers, size: usize, first: usize| -> Vec<usize> {
            of.order.numbers().iter().map(|&element| number(element, size, first)).collect()
        };
        let (a_numbers, b_numbers) = (numbered(a, of_a, 0), numbered(b, of_b, of_a));
        // With as many rows as there are dimensions before it in memory: the first that leaves the order windows want.
        let wanted = Order::channel_last(&dims);
        let pixels: usize = dims.iter().skip(1).product();
        let candidates = [1, dims.get(1).copied().unwrap_or(1), pixels, dims[..axis].iter().product()];
        let fits = |rows: &usize| *rows > 0 && a_numbers.len() % rows == 0 && b_numbers.len() % rows == 0;
        let interleaved = |rows: usize| {
            let (a, b) = (a_numbers.chunks(a_numbers.len() / rows), b_numbers.chunks(b_numbers.len() / rows));
            a.zip(b).flat_map(|(a, b)| [a, b]).flatten().copied().collect::<Vec<_>>()
        };
        let found = candidates.into_iter().filter(fits).find(|&rows| interleaved(rows) == wanted.numbers());
        let rows = found.unwrap_or(1);
        let Some(order) = Order::new(interleaved(rows)) else {
            return refuse("its inputs have no elements".into());
        };
        let (input, second) = (a.tensor as u16, b.tensor as u16);
        Ok(self.emit_like(a, &dims, order, |output| {
            OperatorSpec::Concat(ConcatSpec { input, second, output, rows: rows as u32 })
        }))
    }

    /// Makes two values one class: what is read of either is read with the same scale and zero point.
    pub(super) fn same_class(&mut self, a: &Integers, b: &Integers, site: &Site) -> Result<(), GraphError> {
        let of = |class: usize| self.classes.get(class).copied().flatten();
        match (of(a.class), of(b.class)) {
            _ if a.class == b.class && a.kind == b.kind => Ok(()),
            (Some(one), Some(other)) if one == other && a.kind == b.kind => Ok(()),
            _ => Err(GraphError::unsupported(site, "its integer inputs do not share type, scale and zero point")),
        }
    }

    /// One element of a tensor: what a tensor of constants is made from.
    pub(super) fn one_element(&mut self, of: &Integers) -> Integers {
        let input = of.tensor as u16;
        self.emit_like(of, &[1], Order::identity(1), |output| {
            OperatorSpec::Slice(SliceSpec { input, output, rows: 1, start: 0, count: 1, stride: 1 })
        })
    }

    /// Scale and the engine's zero point, where a node has said them.
    pub(super) fn params(&self, integers: &Integers) -> Option<(f64, i32)> {
        self.classes.get(integers.class).copied().flatten()
    }

    /// The file's tensors. One whose scale no node says has units: what the graph's integers are.
    pub(super) fn specs(&self) -> Vec<TensorSpec> {
        let spec = |tensor: &Tensor| {
            let said = self.classes.get(tensor.class).copied().flatten();
            let (scale, zero_point) = said.unwrap_or((1.0, -tensor.kind.offset()));
            TensorSpec {
                element: tensor.kind.element(),
                dims: tensor.dims.clone(),
                zero_point,
                scale: factor::scale(scale),
            }
        };
        self.tensors.iter().map(spec).collect()
    }
}

/// Dimensions of the graph's image, over one dimension or two.
pub(super) fn image_dims(rank: usize, channels: usize, height: usize, width: usize) -> Vec<usize> {
    if rank == 2 { vec![channels, width] } else { vec![channels, height, width] }
}

/// Dimensions of the engine's tensor: an image's where the elements lie as one.
pub(super) fn lies(dims: &[usize], order: &Order) -> Vec<usize> {
    match *dims {
        [channels, height, width] if *order == Order::channel_last(dims) => vec![height, width, channels],
        [channels, width] if *order == Order::channel_last(dims) => vec![1, width, channels],
        _ => vec![order.numbers().len()],
    }
}
