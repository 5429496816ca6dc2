//! Functions of one element: Relu, Clip, Sigmoid, Tanh and their kin; Softmax.

use super::super::GraphError;
use super::super::constant::{Constant, Elements};
use super::super::node::{attribute, float, int};
use super::arithmetic::{broadcast, scaled};
use super::context::Context;
use super::moves::{moved, permuted};
use super::value::Value;
use crate::graph::{Function, Operator};
use crate::kinf::functions::Function as Table;

/// What an operator does to each element.
pub(super) enum Elementwise {
    Map(Function),
    Clip { lo: f64, hi: f64 },
}

/// The function of an operator of one input, with its attributes; nothing for other operators.
pub(super) fn of_name(context: &Context<'_>, name: &str) -> Result<Option<Elementwise>, GraphError> {
    let number = |name: &str, default: f32| f64::from(float(context.node, name, default));
    let table = |function| Elementwise::Map(Function::Table(function));
    Ok(Some(match name {
        "Relu" => Elementwise::Clip { lo: 0.0, hi: f64::INFINITY },
        "Sigmoid" => table(Table::Sigmoid),
        "Tanh" => table(Table::Tanh),
        "HardSigmoid" => table(Table::HardSigmoid { alpha: number("alpha", 0.2), beta: number("beta", 0.5) }),
        "HardSwish" => table(Table::HardSwish),
        "Elu" => table(Table::Elu { alpha: number("alpha", 1.0) }),
        "Softplus" => table(Table::Softplus),
        "Gelu" if attribute(context.node, "approximate").is_some_and(|a| a.s == b"tanh") => {
            Elementwise::Map(Function::GeluTanh)
        }
        "Gelu" => table(Table::Gelu),
        "LeakyRelu" => Elementwise::Map(Function::LeakyRelu { alpha: number("alpha", 0.01) }),
        "Selu" => {
            Elementwise::Map(Function::Selu { alpha: number("alpha", 1.673_263_2), scale: number("gamma", 1.050_701) })
        }
        "Softsign" => Elementwise::Map(Function::Softsign),
        "Mish" => Elementwise::Map(Function::Mish),
        "Log" => Elementwise::Map(Function::Log),
        "Exp" => Elementwise::Map(Function::Exp),
        "Sqrt" => Elementwise::Map(Function::Sqrt),
        "Reciprocal" => Elementwise::Map(Function::Reciprocal),
        "Abs" => Elementwise::Map(Function::Abs),
        "Erf" => Elementwise::Map(Function::Erf),
        "Swish" if number("alpha", 1.0) == 1.0 => table(Table::Silu),
        _ => return Ok(None),
    }))
}

/// The function, element by element.
pub(super) fn map(context: &mut Context<'_>, function: Elementwise) -> Result<Value, GraphError> {
    if let Value::Constant(constant) = context.input(0)? {
        let of = |x: f64| match function {
            Elementwise::Map(function) => function.value(x),
            Elementwise::Clip { lo, hi } => x.max(lo).min(hi),
        };
        let wrong = || context.wrong("its input is texts", "the file is damaged: export it again");
        let values = constant.reals().ok_or_else(wrong)?.into_iter().map(of).collect();
        let elements = match constant.elements {
            Elements::Integers(_) if matches!(function, Elementwise::Clip { .. }) => integers(values),
            _ => Elements::Floats(values),
        };
        return Ok(Value::Constant(Constant { elements, ..(**constant).clone() }.into()));
    }
    let tensor = context.tensor(0)?;
    let operator = match function {
        Elementwise::Map(function) => Operator::Map(function),
        Elementwise::Clip { lo, hi } => Operator::Clip { lo, hi },
    };
    Ok(context.value(operator, vec![tensor.id], tensor.dims))
}

fn integers(values: Vec<f64>) -> Elements {
    Elements::Integers(values.into_iter().map(|value| value as i64).collect())
}

/// Bounds are attributes before opset 11, inputs since then.
pub(super) fn clip(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let bound = |index: usize, name: &str, default: f64| match context.optional(index) {
        Some(_) => match context.constant(index)?.reals().as_deref() {
            Some(&[bound]) => Ok(bound),
            _ => Err(context.wrong(format!("the {name} is not a scalar"), "a bound is one number")),
        },
        None => Ok(attribute(context.node, name).map_or(default, |attribute| f64::from(attribute.f))),
    };
    // The largest number of f32 is how some exporters write "no bound".
    let open = |bound: f64| if bound.abs() >= f64::from(f32::MAX) { bound.signum() * f64::INFINITY } else { bound };
    let (lo, hi) = (open(bound(1, "min", f64::NEG_INFINITY)?), open(bound(2, "max", f64::INFINITY)?));
    if lo.is_nan() || hi.is_nan() || lo > hi {
        return Err(context.wrong(format!("min {lo} is above max {hi}"), "bounds are min <= max"));
    }
    map(context, Elementwise::Clip { lo, hi })
}

/// Softmax and LogSoftmax. Before opset 13: over all axes from the given one on.
pub(super) fn softmax(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let default = if context.opset < 13 { 1 } else { -1 };
    let axis = tensor.axis(int(context.node, "axis", default)).ok_or_else(|| {
        context.wrong("its axis is outside its input's dimensions", "the file is damaged: export it again")
    })?;
    let rest: usize = tensor.dims[axis + 1..].iter().product();
    let size = tensor.dims[axis];
    let soft = if context.opset < 13 || rest == 1 {
        context.push(Operator::Softmax { row: size * rest }, vec![tensor.id], tensor.dims.clone())
    } else {
        // The axis goes last, and back.
        let rows: usize = tensor.dims[..axis].iter().product();
        let last = permuted(&[rows, size, rest], &[0, 2, 1]);
        let turned = moved(context, &tensor, last, tensor.dims.clone());
        let soft = context.push(Operator::Softmax { row: size }, vec![turned.id], tensor.dims.clone());
        moved(context, &soft, permuted(&[rows, rest, size], &[0, 2, 1]), tensor.dims.clone())
    };
    if context.node.op_type == "LogSoftmax" {
        return Ok(context.value(Operator::Map(Function::Log), vec![soft.id], soft.dims));
    }
    Ok(Value::Tensor(soft))
}

/// `max(x, 0) + min(0, alpha · (exp(x / alpha) − 1))`: an Elu between two scales.
pub(super) fn celu(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let alpha = f64::from(float(context.node, "alpha", 1.0));
    let Value::Tensor(inner) = scaled(context, &tensor, 1.0 / alpha)? else {
        return Err(context.unsupported("its input is no tensor"));
    };
    let elu = Operator::Map(Function::Table(Table::Elu { alpha: 1.0 }));
    let elu = context.push(elu, vec![inner.id], inner.dims);
    scaled(context, &elu, alpha)
}

/// `x` where it is positive, else `slope · x`, with constant slopes that broadcast.
pub(super) fn p_relu(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let (tensor, slopes) = (context.tensor(0)?, context.constant(1)?);
    let slopes = broadcast(context, &slopes, &tensor.dims)?;
    if let Some(&alpha) = slopes.first().filter(|first| slopes.iter().all(|slope| slope == *first)) {
        return Ok(context.value(Operator::Map(Function::LeakyRelu { alpha }), vec![tensor.id], tensor.dims));
    }
    let part = |context: &mut Context<'_>, lo, hi| {
        context.push(Operator::Clip { lo, hi }, vec![tensor.id], tensor.dims.clone())
    };
    let above = part(context, 0.0, f64::INFINITY);
    let below = part(context, f64::NEG_INFINITY, 0.0);
    let affine = Operator::Affine { offset: vec![0.0; slopes.len()], factor: slopes };
    let below = context.push(affine, vec![below.id], tensor.dims.clone());
    Ok(context.value(Operator::Add, vec![above.id, below.id], tensor.dims))
}
