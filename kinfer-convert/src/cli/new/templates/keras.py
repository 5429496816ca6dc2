"""Trains a small network with Keras on raw counters, and exports it for kinfer."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import onnx

import prepare

# Units of the features, by name; what is not here is a plain number.
UNITS = {}
HIDDEN = (32, 16)
EPOCHS = 60
BATCH = 256


def train(part, classes):
    keras.utils.set_random_seed(prepare.SEED)
    # Normalisation belongs to the model: a kernel hands over raw counters.
    deviation = part.x.std(axis=0)
    normalise = keras.layers.Normalization(mean=part.x.mean(axis=0), variance=(deviation + (deviation == 0)) ** 2)
    layers = [keras.layers.Dense(width, activation="relu") for width in HIDDEN]
    model = keras.Sequential([keras.Input((part.x.shape[1],)), normalise, *layers, keras.layers.Dense(classes)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    model.fit(part.x, part.y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def export(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model.export(path, format="onnx", verbose=False)
        return onnx.load(path)


def main():
    arguments = prepare.arguments(__doc__)
    table = prepare.read(arguments.data, arguments.label)
    parts = table.split(arguments.shuffle)
    model = train(parts[0], len(table.outcomes))

    def decided(x):
        return model.predict(x, verbose=0).argmax(axis=1)

    prepare.finish(export(model), table, parts, decided, UNITS, arguments.out)


if __name__ == "__main__":
    main()
