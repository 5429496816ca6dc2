"""Trains gradient-boosted trees with LightGBM on raw counters, and exports them for kinfer."""

import onnxmltools
from lightgbm import LGBMClassifier
from onnxmltools.convert.common.data_types import FloatTensorType

import prepare

# Units of the features, by name; what is not here is a plain number.
UNITS = {}
# A decision walks TREES trees a class, LEAVES leaves each: what it costs in the kernel.
TREES = 40
LEAVES = 15


def train(part):
    model = LGBMClassifier(n_estimators=TREES, num_leaves=LEAVES, random_state=prepare.SEED, n_jobs=1, verbose=-1)
    return model.fit(part.x, part.y)


def export(model, features):
    return onnxmltools.convert_lightgbm(
        model, name="NAME", initial_types=[("features", FloatTensorType([None, features]))], zipmap=False
    )


def main():
    arguments = prepare.arguments(__doc__)
    table = prepare.read(arguments.data, arguments.label)
    parts = table.split(arguments.shuffle)
    model = train(parts[0])
    prepare.finish(export(model, len(table.names)), table, parts, model.predict, UNITS, arguments.out)


if __name__ == "__main__":
    main()
