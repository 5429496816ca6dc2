//! OneHotEncoder, Binarizer, Imputer, FeatureVectorizer: features from features.

use super::super::super::GraphError;
use super::super::super::node::float;
use super::super::context::Context;
use super::super::value::Value;
use crate::graph::{Function, Operator};

/// A category a column: one element becomes as many as there are categories.
pub(super) fn one_hot(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    if !context.strings("cats_strings").is_empty() {
        return Err(context.unsupported("its categories are strings: encode them as integers before training"));
    }
    let categories: Vec<f64> = context.ints("cats_int64s").iter().map(|&category| category as f64).collect();
    if categories.is_empty() {
        return Err(context.wrong("it has no categories", "the file is damaged: export it again"));
    }
    let mut columns = Vec::with_capacity(tensor.width());
    for column in 0..tensor.width() {
        let element = context.push(Operator::Select { indices: vec![column] }, vec![tensor.id], vec![1, 1]);
        let operator = Operator::OneHot { categories: categories.clone() };
        columns.push(context.push(operator, vec![element.id], vec![1, categories.len()]).id);
    }
    let mut dims = tensor.dims.clone();
    dims.push(categories.len());
    Ok(match columns[..] {
        [one] => context.value(Operator::Reshape, vec![one], dims),
        _ => context.value(Operator::Concat { rows: 1 }, columns, dims),
    })
}

/// 1 above the threshold, else 0.
pub(super) fn binarizer(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let threshold = float(context.node, "threshold", 0.0);
    if threshold.is_nan() {
        return Err(context.wrong("its threshold is not a number", "the file is damaged: export it again"));
    }
    Ok(context.value(Operator::Map(Function::Above { threshold }), vec![tensor.id], tensor.dims))
}

/// Replaces NaN: raw counters are integers and have none.
pub(super) fn imputer(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let replaces_nan = float(context.node, "replaced_value_float", f32::NAN).is_nan();
    if !replaces_nan || !context.ints("imputed_value_int64s").is_empty() {
        return Err(context.unsupported("it replaces a number, not a missing value: do so before the model is asked"));
    }
    context.input(0).cloned()
}

/// Its inputs side by side.
pub(super) fn feature_vectorizer(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensors = (0..context.inputs.len()).map(|index| context.tensor(index)).collect::<Result<Vec<_>, _>>()?;
    let width = tensors.iter().map(|tensor| tensor.width()).sum();
    let inputs = tensors.iter().map(|tensor| tensor.id).collect();
    Ok(context.value(Operator::Concat { rows: 1 }, inputs, vec![1, width]))
}
