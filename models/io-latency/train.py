"""Trains the io-latency model and writes model.onnx, metrics.json and the figures in README.md.

Learns from train.parquet, chooses among a few candidates by validation.parquet, and takes every published figure of
test.parquet once, at the end. Seeds and the thread count are fixed: the same machine writes the same bytes again.
"""

import argparse
import json
import re
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pyarrow.parquet as pq
import sklearn
import skl2onnx
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score, recall_score, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skl2onnx.common.data_types import FloatTensorType
from threadpoolctl import threadpool_limits

HERE = Path(__file__).resolve().parent
PARTS = ("train", "validation", "test")
OUTCOMES = ("fast", "slow")
SEED = 1
EPOCHS = 100
CANDIDATES = [(hidden, alpha) for hidden in ((32,), (32, 16)) for alpha in (1e-4, 1e-2, 1e-1)]
LARGEST_PROBABILITY_ERROR = 1e-4


class Part:
    """A part of the data set: raw counters as the model gets them, labels, and the device of each row."""

    def __init__(self, path):
        table = pq.read_table(path)
        columns = {role: [field for field in table.schema if field.metadata[b"role"] == role] for role in (b"feature", b"label")}
        self.features = [{"name": field.name, "unit": field.metadata[b"unit"].decode()} for field in columns[b"feature"]]
        (label,) = columns[b"label"]
        self.label = label.name
        self.slow_above_us = label.metadata[b"slow_above_us"].decode().splitlines()
        self.x = np.stack([table[feature["name"]].to_numpy() for feature in self.features], axis=1).astype(np.float32)
        self.y = table[self.label].to_numpy()
        self.device = table["device"].to_numpy(zero_copy_only=False)

    def column(self, name):
        index = [feature["name"] for feature in self.features].index(name)
        return self.x[:, [index]]


def fit(train, hidden, alpha):
    """Fits with both classes weighing the same, so that one half is the threshold that balances them."""
    slow = train.y.mean()
    weight = np.where(train.y == 1, 0.5 / slow, 0.5 / (1 - slow))
    network = MLPClassifier(
        hidden, activation="relu", alpha=alpha, max_iter=EPOCHS, n_iter_no_change=EPOCHS, random_state=SEED
    )
    pipeline = Pipeline([("normalise", StandardScaler()), ("network", network)])
    with warnings.catch_warnings():
        # Training ends after EPOCHS, not when the loss settles.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return pipeline.fit(train.x, train.y, network__sample_weight=weight)


def slow_probability(model, x):
    return model.predict_proba(x)[:, 1]


def figures(y, probability):
    decision = probability > 0.5
    return {
        "rows": len(y),
        "base_rate": float(y.mean()),
        "accuracy": float(accuracy_score(y, decision)),
        "recall_slow": float(recall_score(y, decision)),
        "precision_slow": float(precision_score(y, decision)),
        "balanced_accuracy": float(balanced_accuracy_score(y, decision)),
        "auc": float(roc_auc_score(y, probability)),
    }


def baselines(train, test):
    """What an answer without a network reaches on the same rows."""
    queue = LogisticRegression(class_weight="balanced").fit(train.column("queue_ios"), train.y)
    linear = Pipeline([("normalise", StandardScaler()), ("line", LogisticRegression(class_weight="balanced", max_iter=1000))])
    linear.fit(train.x, train.y)
    return {
        "always_fast": {"accuracy": float(1 - test.y.mean()), "recall_slow": 0.0, "balanced_accuracy": 0.5, "auc": 0.5},
        "logistic_queue_ios": figures(test.y, slow_probability(queue, test.column("queue_ios"))),
        "logistic_all_features": figures(test.y, slow_probability(linear, test.x)),
    }


def export(model, train):
    """The pipeline as ONNX, normalisation as Sub and Div: raw counters go in."""
    graph = skl2onnx.to_onnx(
        model,
        name="io-latency",
        initial_types=[("features", FloatTensorType([None, train.x.shape[1]]))],
        options={StandardScaler: {"div": "div"}, MLPClassifier: {"zipmap": False}},
        target_opset=18,
    )
    properties = {
        "kinfer.features": json.dumps(train.features),
        "kinfer.label": train.label,
        "kinfer.outcomes": json.dumps(OUTCOMES),
    }
    onnx.helper.set_model_props(graph, properties)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def compare_with_onnx_runtime(graph, model, part):
    """Fails unless ONNX Runtime says of every row what scikit-learn says."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    labels, probabilities = session.run(["label", "probabilities"], {"features": part.x})
    error = float(np.abs(probabilities - model.predict_proba(part.x)).max())
    differing = int((labels != model.predict(part.x)).sum())
    if differing or error > LARGEST_PROBABILITY_ERROR:
        raise SystemExit(f"ONNX Runtime differs from scikit-learn: {differing} labels, probabilities by up to {error}")
    return {"differing_labels": differing, "largest_probability_error": error}


def data_text(parts):
    """What a recording decides: thresholds, sizes and base rates."""
    rule = (line.split() for line in parts[0].slow_above_us)
    lines = [", ".join(f"`{device}` {int(threshold):,} µs" for device, threshold in rule) + "."]
    lines += ["", "| part | rows | slow |", "|---|---|---|"]
    lines += [f"| {name} | {len(part.y):,} | {part.y.mean():.1%} |" for name, part in zip(PARTS, parts)]
    return "\n".join(lines)


def update_card(path, blocks):
    """Replaces the text between the markers of each block."""
    text = path.read_text()
    for name, block in blocks.items():
        begin, end = f"<!-- {name}: train.py -->\n", "\n<!-- end -->"
        text, found = re.subn(f"(?s)({begin}).*?({end})", lambda match: match[1] + block + match[2], text)
        if found != 1:
            raise SystemExit(f"{path} has {found} blocks `{name}`")
    path.write_text(text)


def figures_text(metrics):
    names = ("base_rate", "accuracy", "recall_slow", "precision_slow", "balanced_accuracy", "auc")
    rows = [("this model, " + part, metrics["model"][part]) for part in PARTS]
    rows += [
        ("always \"fast\", test", metrics["baselines"]["always_fast"]),
        ("logistic regression on `queue_ios`, test", metrics["baselines"]["logistic_queue_ios"]),
        ("logistic regression on all features, test", metrics["baselines"]["logistic_all_features"]),
    ]
    lines = ["| | base rate | accuracy | recall of slow | precision of slow | balanced accuracy | AUC |", "|---|---|---|---|---|---|---|"]
    for title, values in rows:
        cells = (f"{values[name]:.3f}" if name in values else "" for name in names)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += ["", "AUC on the test rows of one device: " + ", ".join(
        f"`{device}` {auc:.3f}" for device, auc in metrics["auc_by_device"].items()
    ) + "."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="folder for model.onnx and metrics.json")
    arguments = parser.parse_args()
    parts = [Part(HERE / f"{name}.parquet") for name in PARTS]
    train, validation, test = parts

    best = None
    for hidden, alpha in CANDIDATES:
        candidate = fit(train, hidden, alpha)
        auc = roc_auc_score(validation.y, slow_probability(candidate, validation.x))
        print(f"hidden {hidden}, alpha {alpha:g}: validation AUC {auc:.4f}")
        if best is None or auc > best[0]:
            best = (auc, hidden, alpha, candidate)
    _, hidden, alpha, model = best

    graph = export(model, train)
    probability = slow_probability(model, test.x)
    metrics = {
        "architecture": {"inputs": train.x.shape[1], "hidden": list(hidden), "activation": "relu", "alpha": alpha},
        "training": {"seed": SEED, "epochs": EPOCHS, "scikit_learn": sklearn.__version__, "skl2onnx": skl2onnx.__version__},
        "model": {
            name: figures(part.y, slow_probability(model, part.x))
            for name, part in zip(PARTS, parts)
        },
        "auc_by_device": {
            device: float(roc_auc_score(test.y[test.device == device], probability[test.device == device]))
            for device in sorted(set(test.device))
        },
        "baselines": baselines(train, test),
        "onnx_runtime": compare_with_onnx_runtime(graph, model, test),
    }

    onnx.save(graph, arguments.out / "model.onnx")
    (arguments.out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    blocks = {"data": data_text(parts), "figures": figures_text(metrics)}
    print("\n\n".join(blocks.values()))
    if arguments.out == HERE:
        update_card(HERE / "README.md", blocks)


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
