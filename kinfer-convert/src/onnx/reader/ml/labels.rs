//! LabelEncoder and Normalizer behind the scores.

use super::super::super::GraphError;
use super::super::super::constant::{Constant, Elements};
use super::super::super::node::{float, int};
use super::super::context::Context;
use super::super::value::Value;

/// Other names for the classes, or other elements for those of a constant.
pub(super) fn label_encoder(context: &mut Context<'_>) -> Result<Value, GraphError> {
    if let Value::Constant(constant) = context.input(0)?.clone() {
        return looked_up(context, &constant);
    }
    let Value::Class(choice) = context.input(0)?.clone() else {
        return Err(context.unsupported("supported for naming classes; encode categories as numbers before training"));
    };
    let texts = |kind: &str| -> Result<Vec<String>, GraphError> {
        let integers = context.ints(&format!("{kind}_int64s"));
        let strings = context.strings(&format!("{kind}_strings"));
        Ok(match (integers.is_empty(), strings.is_empty()) {
            (false, _) => integers.iter().map(i64::to_string).collect(),
            (_, false) => strings,
            _ => context.numbers(&format!("{kind}_floats"))?.iter().map(f64::to_string).collect(),
        })
    };
    let (keys, values) = (texts("keys")?, texts("values")?);
    let classes = choice.classes(context.graph);
    let labels = choice.head.labels.clone().unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect());
    let named = labels.iter().map(|label| {
        let at = keys.iter().position(|key| key == label)?;
        values.get(at).cloned()
    });
    let Some(named) = named.collect::<Option<Vec<_>>>() else {
        return Err(context.wrong("it does not name every class", "give it one key and one value a class"));
    };
    let mut choice = choice;
    choice.head.labels = Some(named);
    Ok(Value::Class(choice))
}

/// A constant's elements, each looked up.
fn looked_up(context: &Context<'_>, constant: &Constant) -> Result<Value, GraphError> {
    let keys = match context.ints("keys_int64s") {
        keys if keys.is_empty() => context.numbers("keys_floats")?,
        keys => keys.into_iter().map(|key| key as f64).collect(),
    };
    let (integers, floats) = (context.ints("values_int64s"), context.numbers("values_floats")?);
    let places = constant.numbers()?.into_iter().map(|x| keys.iter().position(|&key| key == x));
    let places: Vec<Option<usize>> = places.collect();
    let elements = if floats.is_empty() {
        let default = int(context.node, "default_int64", -1);
        let value = |at: &Option<usize>| at.and_then(|at| integers.get(at).copied()).unwrap_or(default);
        Elements::Integers(places.iter().map(value).collect())
    } else {
        let default = f64::from(float(context.node, "default_float", -0.0));
        let value = |at: &Option<usize>| at.and_then(|at| floats.get(at).copied()).unwrap_or(default);
        Elements::Floats(places.iter().map(value).collect())
    };
    Ok(Value::Constant(Constant { elements, ..constant.clone() }.into()))
}

/// Probabilities divided by their sum: the order stays.
pub(super) fn normalizer(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let value = context.input(0)?.clone();
    let is_probability = match &value {
        Value::Tensor(tensor) => super::super::head::is_probability(context.graph, tensor.id),
        _ => true,
    };
    if is_probability {
        return Ok(value);
    }
    Err(context.unsupported("a norm of features is not supported: scale each feature by itself (StandardScaler)"))
}
