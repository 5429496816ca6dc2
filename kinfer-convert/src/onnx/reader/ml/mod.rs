//! ai.onnx.ml: what scikit-learn, LightGBM and XGBoost are exported to.

mod attributes;
mod encoders;
mod labels;
mod linear;
mod svm;
mod trees;
mod trees5;

use super::super::GraphError;
use super::context::Context;
use super::value::Value;

/// The values of the node's outputs; nothing for an operator that is not of this domain.
pub(super) fn read(context: &mut Context<'_>, operator: &str) -> Option<Result<Vec<Value>, GraphError>> {
    let one = |value: Result<Value, GraphError>| value.map(|value| vec![value]);
    Some(match operator.strip_prefix("ai.onnx.ml.")? {
        "TreeEnsembleClassifier" => trees::classifier(context),
        "TreeEnsembleRegressor" => one(trees::regressor(context)),
        "TreeEnsemble" => one(trees5::ensemble(context)),
        "LinearClassifier" => linear::classifier(context),
        "LinearRegressor" => one(linear::regressor(context)),
        "SVMClassifier" => svm::classifier(context),
        "SVMRegressor" => one(svm::regressor(context)),
        "OneHotEncoder" => one(encoders::one_hot(context)),
        "Binarizer" => one(encoders::binarizer(context)),
        "Imputer" => one(encoders::imputer(context)),
        "FeatureVectorizer" => one(encoders::feature_vectorizer(context)),
        "LabelEncoder" => one(labels::label_encoder(context)),
        "Normalizer" => one(labels::normalizer(context)),
        "ZipMap" => one(context.input(0).cloned()),
        _ => return None,
    })
}
