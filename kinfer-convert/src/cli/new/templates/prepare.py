"""What train.py needs around the training: the data, the split, the checks, and the metadata that kinfer reads."""

import argparse
import json
import shlex
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

HERE = Path(__file__).resolve().parent
SEED = 1
TEST_SHARE = 0.2
# A model of 32-bit floats may decide otherwise than its own library where two scores are all but equal.
LARGEST_SHARE_OF_DIFFERING = 0.001


class Part:
    """Rows of features, and the index of each row's class."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.y)


class Table:
    """The data: raw counters as float32, one column a feature, and the label as indices of `outcomes`."""

    def __init__(self, names, x, y, label, outcomes):
        self.names, self.x, self.y, self.label, self.outcomes = names, x, y, label, outcomes

    def split(self, shuffle):
        """The last rows are the test, as they would come in operation; shuffled, a random choice of rows."""
        order = np.random.default_rng(SEED).permutation(len(self.y)) if shuffle else np.arange(len(self.y))
        first = int(round(len(order) * (1 - TEST_SHARE)))
        parts = [Part(self.x[rows], self.y[rows]) for rows in (order[:first], order[first:])]
        missing = sorted(set(range(len(self.outcomes))) - set(parts[0].y.tolist()))
        if missing or not len(parts[1]):
            names = ", ".join(self.outcomes[index] for index in missing)
            raise SystemExit(f"the training part has no row of {names or 'its own'}: rows in the order of their class need --shuffle")
        return parts

    def write(self, path, part):
        columns = {name: part.x[:, index].astype(np.float64) for index, name in enumerate(self.names)}
        pa.parquet.write_table(pa.table({**columns, self.label: part.y}), path)


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=HERE / "data.csv", help="CSV or Parquet, one row a decision [data.csv]")
    parser.add_argument("--label", default="label", help="column of the true class [label]")
    parser.add_argument("--shuffle", action="store_true", help="split at random instead of by the order of rows")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the model and the two parts of the data")
    return parser.parse_args()


def read(path, label):
    """All columns but the label are features, in the file's order."""
    if not path.exists():
        raise SystemExit(f"{path} is not there: put your data there, or name another file with --data")
    table = pa.parquet.read_table(path) if path.suffix == ".parquet" else pa.csv.read_csv(path)
    if label not in table.column_names:
        raise SystemExit(f"{path} has no column `{label}`: name the true class with --label; it has {', '.join(table.column_names)}")
    names = [name for name in table.column_names if name != label]
    columns = []
    for name in names:
        column = table[name]
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise SystemExit(f"column `{name}` is of type {kind}: a feature is a number; leave it out or encode it")
        values = pc.cast(column, pa.float64()).to_numpy()
        bad = int((~np.isfinite(values)).sum())
        if bad:
            raise SystemExit(f"column `{name}` has {bad} rows without a finite number: leave them out, or fill them as a caller would")
        columns.append(values)
    x = np.column_stack(columns).astype(np.float32)
    truth = [str(value) for value in table[label].to_pylist()]
    outcomes = sorted(set(truth), key=lambda text: (len(text), text) if text.lstrip("-").isdigit() else (0, text))
    if len(outcomes) < 2:
        raise SystemExit(f"column `{label}` has one value only: there is nothing to decide")
    index = {outcome: number for number, outcome in enumerate(outcomes)}
    return Table(names, x, np.array([index[text] for text in truth], dtype=np.int64), label, outcomes)


def figures(part, decided):
    """Accuracy beside what always saying the commonest class reaches, and the mean recall of the classes."""
    classes = np.unique(part.y)
    recall = [float((decided[part.y == of] == of).mean()) for of in classes]
    return {
        "rows": len(part),
        "base_rate": float(np.bincount(part.y).max() / len(part)),
        "accuracy": float((decided == part.y).mean()),
        "balanced_accuracy": float(np.mean(recall)),
    }


def decide(graph, x):
    """Classes by ONNX Runtime: the label that the graph gives, else the largest score."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # converters write labels of shape [1]; that is no error
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    first = session.run(None, {session.get_inputs()[0].name: x})[0]
    return first.argmax(axis=1) if first.ndim == 2 and first.shape[1] > 1 else first.reshape(-1)


def finish(graph, table, parts, decided, units, out):
    """Checks the ONNX graph against the library's own decisions, writes everything, and says how to convert it."""
    train, test = parts
    properties = {
        "kinfer.features": json.dumps([{"name": name, "unit": units.get(name, "1")} for name in table.names]),
        "kinfer.label": table.label,
        "kinfer.outcomes": json.dumps(table.outcomes),
    }
    onnx.helper.set_model_props(graph, properties)
    onnx.checker.check_model(graph)
    differing = int((decide(graph, test.x).astype(np.int64) != decided(test.x)).sum())
    if differing > LARGEST_SHARE_OF_DIFFERING * len(test):
        raise SystemExit(f"ONNX Runtime decides {differing} of {len(test)} test rows otherwise than the library")

    out.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, out / "model.onnx")
    table.write(out / "train.parquet", train)
    table.write(out / "test.parquet", test)
    metrics = {"train": figures(train, decided(train.x)), "test": figures(test, decided(test.x))}
    (out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(json.dumps(metrics, indent=2))
    path = lambda name: shlex.quote(str(out / name))
    print(f"\nONNX Runtime agrees on all but {differing} of {len(test)} test rows. To convert:\n")
    print(
        f"kinfer convert {path('model.onnx')} --calibrate {path('train.parquet')} "
        f"--evaluate {path('test.parquet')} --label {shlex.quote(table.label)} -o {path('model.kinf')}"
    )
