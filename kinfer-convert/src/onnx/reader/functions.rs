//! Functions of one element: Relu, Clip, Sigmoid, Tanh and their kin; Softmax.

use super::super::GraphError;
use super::super::node::{attribute, float, int};
use super::context::Context;
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
        _ => return Ok(None),
    }))
}

/// The function, element by element.
pub(super) fn map(context: &mut Context<'_>, function: Elementwise) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let operator = match function {
        Elementwise::Map(function) => Operator::Map(function),
        Elementwise::Clip { lo, hi } => Operator::Clip { lo, hi },
    };
    Ok(context.value(operator, vec![tensor.id], tensor.dims))
}

/// Bounds are attributes before opset 11, inputs since then.
pub(super) fn clip(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let bound = |index: usize, name: &str, default: f64| match context.optional(index) {
        Some(_) => context
            .constant(index)?
            .scalar()?
            .ok_or_else(|| context.wrong(format!("the {name} is not a scalar"), "a bound is one number")),
        None => Ok(attribute(context.node, name).map_or(default, |attribute| f64::from(attribute.f))),
    };
    let (lo, hi) = (bound(1, "min", f64::NEG_INFINITY)?, bound(2, "max", f64::INFINITY)?);
    if lo.is_nan() || hi.is_nan() || lo > hi {
        return Err(context.wrong(format!("min {lo} is above max {hi}"), "bounds are min <= max"));
    }
    map(context, Elementwise::Clip { lo, hi })
}

/// Over the last axis, or any behind which all dimensions are 1. Before opset 13: over all axes from the given one on.
pub(super) fn softmax(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let default = if context.opset < 13 { 1 } else { -1 };
    let axis = tensor.axis(int(context.node, "axis", default)).ok_or_else(|| {
        context.wrong("its axis is outside its input's dimensions", "the file is damaged: export it again")
    })?;
    let rest: usize = tensor.dims[axis + 1..].iter().product();
    if context.opset >= 13 && rest != 1 {
        return Err(context.unsupported("its axis is not the last one"));
    }
    let row = tensor.dims[axis] * rest;
    Ok(context.value(Operator::Softmax { row }, vec![tensor.id], tensor.dims))
}
