"""Trains gradient-boosted trees with XGBoost on raw counters, and exports them for kinfer."""

import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier

import prepare

# Units of the features, by name; what is not here is a plain number.
UNITS = {}
# A decision walks TREES trees a class, of DEPTH levels each: what it costs in the kernel.
TREES = 40
DEPTH = 4


def train(part):
    model = XGBClassifier(n_estimators=TREES, max_depth=DEPTH, random_state=prepare.SEED, n_jobs=1)
    return model.fit(part.x, part.y)


def export(model, features):
    return onnxmltools.convert_xgboost(
        model, name="NAME", initial_types=[("features", FloatTensorType([None, features]))]
    )


def main():
    arguments = prepare.arguments(__doc__)
    table = prepare.read(arguments.data, arguments.label)
    parts = table.split(arguments.shuffle)
    model = train(parts[0])
    prepare.finish(export(model, len(table.names)), table, parts, model.predict, UNITS, arguments.out)


if __name__ == "__main__":
    main()
