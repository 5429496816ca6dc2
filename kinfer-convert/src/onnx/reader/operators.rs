//! The operators of ai.onnx that are read, and what to do about those that are not: one table for messages and
//! documentation.

/// An operator, and what of it is read.
pub type Row = (&'static str, &'static str);

/// Operators that are read, by name.
pub const READ: &[Row] = &[
    ("Abs", ""),
    ("Add", "constants and tensors, broadcast"),
    ("And", "of constants"),
    ("ArgMax", "over the scores: the decision"),
    ("ArgMin", "over the scores: the decision"),
    ("AveragePool", "one or two dimensions, without dilation; ceil_mode where it is padding"),
    ("BatchNormalization", "after eval()"),
    ("Cast", "to a float type; of constants and classes to any"),
    ("CastLike", "as Cast"),
    ("Ceil", "of constants"),
    ("Celu", ""),
    ("Clip", "constant bounds"),
    ("Concat", ""),
    ("Constant", "tensors, floats and integers"),
    ("ConstantOfShape", "a constant shape"),
    ("Conv", "one or two dimensions, groups, dilation, padding, auto_pad; constant weights"),
    ("Div", "constants and tensors, broadcast"),
    ("Dropout", "outside training"),
    ("Elu", ""),
    ("Equal", "of constants"),
    ("Erf", "as part of Gelu, or alone"),
    ("Exp", ""),
    ("Expand", "to a constant shape"),
    ("Flatten", "any axis"),
    ("Floor", "of constants"),
    ("GRU", "one time step, forward, default activations; the caller keeps the state"),
    ("Gather", "constant indices; of constant labels by a class"),
    ("Gelu", "both forms"),
    ("Gemm", "one row, constant weights and bias"),
    ("GlobalAveragePool", ""),
    ("GlobalMaxPool", ""),
    ("Greater", "one score or probability and a constant: the decision; of constants"),
    ("GreaterOrEqual", "of constants"),
    ("HardSigmoid", ""),
    ("HardSwish", ""),
    ("Identity", ""),
    ("LSTM", "one time step, forward, default activations, no peepholes; the caller keeps the state"),
    ("LeakyRelu", ""),
    ("Less", "of constants"),
    ("LessOrEqual", "of constants"),
    ("Log", ""),
    ("LogSoftmax", "as Softmax"),
    ("MatMul", "a tensor of one or more rows times a constant matrix"),
    ("Max", "constants and tensors"),
    ("MaxPool", "one or two dimensions, without dilation and indices; ceil_mode"),
    ("Mean", ""),
    ("Min", "constants and tensors"),
    ("Mish", ""),
    ("Mod", "of constants"),
    ("Mul", "constants and tensors, broadcast"),
    ("Neg", ""),
    ("Not", "of constants"),
    ("Or", "of constants"),
    ("PRelu", "constant slopes"),
    ("Pad", "zeros around one or two spatial dimensions"),
    ("Pow", "constant exponents 0.5, 1, 2, 3, 4, -0.5, -1"),
    ("Range", "of constant integers"),
    ("Reciprocal", ""),
    ("ReduceL1", "any axes"),
    ("ReduceL2", "any axes"),
    ("ReduceMax", "any axes"),
    ("ReduceMean", "any axes"),
    ("ReduceMin", "any axes"),
    ("ReduceProd", "of constants, over all axes"),
    ("ReduceSum", "any axes"),
    ("ReduceSumSquare", "any axes"),
    ("Relu", ""),
    ("Reshape", "to a constant shape with a batch of one"),
    ("Round", "of constants"),
    ("Selu", ""),
    ("Shape", "the batch being one row"),
    ("Sigmoid", ""),
    ("Sign", "of constants"),
    ("Size", "the batch being one row"),
    ("Slice", "constant starts, ends, axes and steps"),
    ("Softmax", "any axis"),
    ("Softplus", ""),
    ("Softsign", ""),
    ("Split", "constant sizes"),
    ("Sqrt", ""),
    ("Squeeze", ""),
    ("Sub", "constants and tensors, broadcast"),
    ("Sum", ""),
    ("Swish", "alpha 1"),
    ("Tanh", ""),
    ("Tile", "constant repeats"),
    ("Transpose", ""),
    ("Unsqueeze", ""),
    ("Where", "a constant condition"),
];

/// Operators that are refused by name, and what to do.
pub const REFUSED: &[Row] = &[
    ("Attention", "attention multiplies tensors with one another: use convolutions or a recurrent cell"),
    ("ConvTranspose", "a decision needs no larger image: use Conv, pooling or a dense layer"),
    ("DepthToSpace", "use Reshape and Transpose, or a convolution in its place"),
    ("Einsum", "write it as MatMul with a constant matrix"),
    ("GatherElements", "gather with constant indices"),
    ("GatherND", "gather with constant indices"),
    ("GlobalLpPool", "use GlobalAveragePool or GlobalMaxPool"),
    ("GridSample", "the engine does not resample images"),
    (
        "GroupNormalization",
        "it takes statistics of the row itself: use BatchNormalization, whose statistics are constants",
    ),
    ("If", "a model is one straight way from features to scores: export without control flow, after eval()"),
    (
        "InstanceNormalization",
        "it takes statistics of the row itself: use BatchNormalization, whose statistics are constants",
    ),
    ("LRN", "it takes statistics of the row itself: use BatchNormalization, whose statistics are constants"),
    (
        "LayerNormalization",
        "it takes statistics of the row itself: use BatchNormalization, whose statistics are constants",
    ),
    ("Loop", "a model is one straight way from features to scores: export one step without loops"),
    ("LpNormalization", "it divides by a norm of the row: normalise with constants"),
    ("LpPool", "use AveragePool or MaxPool"),
    (
        "MeanVarianceNormalization",
        "it takes statistics of the row itself: use BatchNormalization, whose statistics are constants",
    ),
    ("NonZero", "the number of its results depends on the features"),
    (
        "RMSNormalization",
        "it takes statistics of the row itself: use BatchNormalization, whose statistics are constants",
    ),
    ("RNN", "use GRU or LSTM, one time step with the state kept by the caller"),
    ("ReduceLogSumExp", "use ReduceMax, or Softmax before the decision"),
    ("Resize", "the engine does not resample images: use a stride"),
    ("Scan", "a model is one straight way from features to scores: export one step without loops"),
    ("SequenceConstruct", "values are tensors: export without sequences"),
    ("SpaceToDepth", "use Reshape and Transpose, or a convolution with a stride in its place"),
    ("ThresholdedRelu", "it jumps at its threshold: use Relu or LeakyRelu"),
    ("TopK", "use ArgMax: the kernel's head ranks scores itself"),
    ("Upsample", "the engine does not resample images: use a stride"),
];

/// What to do about an operator that is refused by name.
pub(super) fn advice(operator: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(name, _)| *name == operator).map(|(_, advice)| *advice)
}

/// Names of the operators that are read, for messages.
pub fn names() -> String {
    READ.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The tables as Markdown, for `docs/onnx-operators.md`.
pub fn markdown() -> String {
    let table = |rows: &[Row], heads: [&str; 2]| {
        let rows = rows.iter().map(|(name, note)| format!("| {name} | {note} |\n"));
        format!("| {} | {} |\n|---|---|\n", heads[0], heads[1]) + &rows.collect::<String>()
    };
    let read = table(READ, ["operator", "what of it is read"]);
    let refused = table(REFUSED, ["operator", "what to do"]);
    format!("{read}\nRefused by name:\n\n{refused}")
}
