"""Trains a small network with scikit-learn on raw counters, and exports it for kinfer."""

import warnings

import skl2onnx
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skl2onnx.common.data_types import FloatTensorType

import prepare

# Units of the features, by name; what is not here is a plain number.
UNITS = {}
HIDDEN = (32, 16)
EPOCHS = 60


def train(part):
    network = MLPClassifier(HIDDEN, activation="relu", alpha=1e-4, max_iter=EPOCHS, random_state=prepare.SEED)
    # Normalisation belongs to the model: a kernel hands over raw counters.
    model = Pipeline([("normalise", StandardScaler()), ("network", network)])
    with warnings.catch_warnings():
        # Training ends after EPOCHS, not when the loss settles.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(part.x, part.y)


def export(model, features):
    return skl2onnx.to_onnx(
        model,
        name="NAME",
        initial_types=[("features", FloatTensorType([None, features]))],
        options={StandardScaler: {"div": "div"}, MLPClassifier: {"zipmap": False}},
        target_opset=18,
    )


def main():
    arguments = prepare.arguments(__doc__)
    table = prepare.read(arguments.data, arguments.label)
    parts = table.split(arguments.shuffle)
    model = train(parts[0])
    prepare.finish(export(model, len(table.names)), table, parts, model.predict, UNITS, arguments.out)


if __name__ == "__main__":
    main()
