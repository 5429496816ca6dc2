"""Trains models of different kinds on the data sets that scikit-learn ships, and exports them as their users would.

Writes one folder a model: model.onnx, calibrate.csv (training rows), evaluate.csv (rows that training has not seen), both
with a header and the true label in column `label`, and oracle.csv: what ONNX Runtime decides for every row of
evaluate.csv (the label, or the value of a regression). models.json lists them: name, kind ("classifier", "regressor",
"clusterer", "outlier"), and whether it is trees on integer features, whose decisions must be exactly equal.

    python train.py OUT
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnxruntime as ort
from sklearn import cluster, datasets, decomposition, discriminant_analysis, ensemble, linear_model, naive_bayes
from sklearn import neural_network, svm, tree
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from skl2onnx import to_onnx

warnings.filterwarnings("ignore")
SEED = 7


def load(name):
    """Features with at most a few decimals, names of the columns, labels."""
    data = getattr(datasets, f"load_{name}")()
    names = [str(n).replace(",", "") for n in getattr(data, "feature_names", range(data.data.shape[1]))]
    return data.data.astype(np.float64), names, data.target


def whole(x):
    """The same data as integers of a few hundred steps a column: what a kernel would count."""
    lo, hi = x.min(axis=0), x.max(axis=0)
    return np.round((x - lo) / np.where(hi > lo, hi - lo, 1) * 1000 - 200)


def lightgbm(model, width):
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    return convert_lightgbm(model, initial_types=[("X", FloatTensorType([None, width]))])


def xgboost(model, width):
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    return convert_xgboost(model, initial_types=[("X", FloatTensorType([None, width]))])


def sklearn(opset, **options):
    def export(model, width):
        target = {"": opset, "ai.onnx.ml": 3 if opset >= 15 else 1}
        sample = np.zeros((1, width), np.float32)
        return to_onnx(model, sample, target_opset=target, options={id(model): options} if options else None)

    return export


def models():
    """name, data set, integer features?, trees?, kind, model, export."""
    import lightgbm as lgb
    import xgboost as xgb

    scaled = lambda model: make_pipeline(StandardScaler(), model)
    mlp = lambda *layers, **rest: neural_network.MLPClassifier(layers, max_iter=300, random_state=SEED, **rest)
    mlp_regressor = lambda *layers, **rest: neural_network.MLPRegressor(
        hidden_layer_sizes=layers, max_iter=600, random_state=SEED, **rest
    )
    forest = lambda kind, **rest: kind(random_state=SEED, **rest)
    yield "mlp-relu-iris", "iris", False, False, "classifier", scaled(mlp(16)), sklearn(18)
    yield "mlp-tanh-wine", "wine", False, False, "classifier", scaled(mlp(12, 8, activation="tanh")), sklearn(18)
    yield "mlp-logistic-cancer", "breast_cancer", False, False, "classifier", scaled(mlp(16, activation="logistic")), sklearn(15)
    yield "mlp-binary-cancer", "breast_cancer", True, False, "classifier", scaled(mlp(16, 8)), sklearn(9)
    yield "mlp-digits", "digits", True, False, "classifier", make_pipeline(MinMaxScaler(), mlp(32)), sklearn(18, zipmap=False)
    yield "mlp-identity-wine", "wine", False, False, "classifier", make_pipeline(MinMaxScaler(), mlp(8, activation="identity")), sklearn(17)
    yield "mlp-regressor-diabetes", "diabetes", True, False, "regressor", scaled(mlp_regressor(24)), sklearn(18)
    yield "mlp-regressor-tanh-diabetes", "diabetes", True, False, "regressor", scaled(mlp_regressor(12, activation="tanh", solver="lbfgs", alpha=10.0)), sklearn(18)
    yield "logistic-iris", "iris", False, False, "classifier", scaled(linear_model.LogisticRegression()), sklearn(18)
    yield "logistic-cancer", "breast_cancer", False, False, "classifier", scaled(linear_model.LogisticRegression()), sklearn(12)
    yield "logistic-digits", "digits", True, False, "classifier", make_pipeline(MaxAbsScaler(), linear_model.LogisticRegression(max_iter=500)), sklearn(18)
    yield "ridge-classifier-wine", "wine", False, False, "classifier", make_pipeline(RobustScaler(), linear_model.RidgeClassifier()), sklearn(18)
    yield "sgd-cancer", "breast_cancer", False, False, "classifier", scaled(linear_model.SGDClassifier(random_state=SEED)), sklearn(18)
    yield "linear-svc-iris", "iris", False, False, "classifier", svm.LinearSVC(), sklearn(18)
    yield "linear-svc-cancer", "breast_cancer", True, False, "classifier", svm.LinearSVC(), sklearn(18)
    yield "svc-linear-cancer", "breast_cancer", False, False, "classifier", scaled(svm.SVC(kernel="linear")), sklearn(18)
    yield "lda-wine", "wine", False, False, "classifier", discriminant_analysis.LinearDiscriminantAnalysis(), sklearn(18)
    yield "gaussian-nb-iris", "iris", False, False, "classifier", naive_bayes.GaussianNB(), sklearn(18)
    yield "gaussian-nb-wine", "wine", False, False, "classifier", naive_bayes.GaussianNB(), sklearn(18)
    yield "pca-logistic-digits", "digits", True, False, "classifier", make_pipeline(decomposition.PCA(16), linear_model.LogisticRegression(max_iter=500)), sklearn(18)
    yield "columns-iris", "iris", True, False, "classifier", make_pipeline(
        ColumnTransformer([("one", OneHotEncoder(handle_unknown="ignore"), [0]), ("scale", StandardScaler(), [1, 2, 3])]),
        linear_model.LogisticRegression(),
    ), sklearn(18)
    yield "linear-diabetes", "diabetes", True, False, "regressor", linear_model.LinearRegression(), sklearn(18)
    yield "ridge-diabetes", "diabetes", True, False, "regressor", scaled(linear_model.Ridge()), sklearn(13)
    yield "kmeans-iris", "iris", False, False, "clusterer", cluster.KMeans(3, n_init=3, random_state=SEED), sklearn(18)
    yield "kmeans-scaled-wine", "wine", False, False, "clusterer", scaled(cluster.KMeans(5, n_init=3, random_state=SEED)), sklearn(18)
    yield "isolation-forest-cancer", "breast_cancer", True, True, "outlier", forest(ensemble.IsolationForest, n_estimators=20, max_samples=64), sklearn(18)
    for integer in [True, False]:
        mark = "-integers" if integer else ""
        yield f"tree-iris{mark}", "iris", integer, True, "classifier", forest(tree.DecisionTreeClassifier), sklearn(18)
        yield f"forest-wine{mark}", "wine", integer, True, "classifier", forest(ensemble.RandomForestClassifier, n_estimators=20, max_depth=6), sklearn(18)
        yield f"forest-cancer{mark}", "breast_cancer", integer, True, "classifier", forest(ensemble.RandomForestClassifier, n_estimators=16, max_depth=8), sklearn(14)
        yield f"extra-trees-digits{mark}", "digits", integer, True, "classifier", forest(ensemble.ExtraTreesClassifier, n_estimators=20, max_depth=8), sklearn(18)
        yield f"boosting-iris{mark}", "iris", integer, True, "classifier", forest(ensemble.GradientBoostingClassifier, n_estimators=20, max_depth=3), sklearn(18)
        yield f"boosting-cancer{mark}", "breast_cancer", integer, True, "classifier", forest(ensemble.GradientBoostingClassifier, n_estimators=40), sklearn(18)
        yield f"forest-diabetes{mark}", "diabetes", integer, True, "regressor", forest(ensemble.RandomForestRegressor, n_estimators=20, max_depth=6), sklearn(18)
        yield f"boosting-diabetes{mark}", "diabetes", integer, True, "regressor", forest(ensemble.GradientBoostingRegressor, n_estimators=40), sklearn(18)
        light = dict(n_estimators=30, verbose=-1, random_state=SEED)
        yield f"lightgbm-wine{mark}", "wine", integer, True, "classifier", lgb.LGBMClassifier(**light), lightgbm
        yield f"lightgbm-cancer{mark}", "breast_cancer", integer, True, "classifier", lgb.LGBMClassifier(**light), lightgbm
        yield f"lightgbm-diabetes{mark}", "diabetes", integer, True, "regressor", lgb.LGBMRegressor(**light), lightgbm
        extreme = dict(n_estimators=30, max_depth=5, random_state=SEED)
        yield f"xgboost-digits{mark}", "digits", integer, True, "classifier", xgb.XGBClassifier(**extreme), xgboost
        yield f"xgboost-cancer{mark}", "breast_cancer", integer, True, "classifier", xgb.XGBClassifier(**extreme), xgboost
        yield f"xgboost-diabetes{mark}", "diabetes", integer, True, "regressor", xgb.XGBRegressor(**extreme), xgboost
    yield "scaled-forest-wine-integers", "wine", True, True, "classifier", scaled(forest(ensemble.RandomForestClassifier, n_estimators=12, max_depth=5)), sklearn(18)


def write_csv(path, names, rows, labels):
    with open(path, "w") as file:
        file.write(",".join([*names, "label"]) + "\n")
        for row, label in zip(rows, labels):
            file.write(",".join([*(f"{x:.10g}" for x in row), f"{label}"]) + "\n")


def main():
    out = Path(sys.argv[1])
    listed, kept = [], []
    for name, data, integer, trees, kind, model, export in models():
        x, names, y = load(data)
        if integer:
            x = whole(x)
        if data == "diabetes" and not integer:
            x = np.round(x, 6)
        names = [f"f{i}" for i in range(x.shape[1])] if data == "digits" else names
        rows = train_test_split(x, y, test_size=0.4, random_state=SEED)
        x_train, x_test, y_train, y_test = rows
        kept.append(model)  # skl2onnx keeps options by id(model)
        model.fit(x_train.astype(np.float32), y_train)
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        proto = export(model, x.shape[1])
        (folder / "model.onnx").write_bytes(proto.SerializeToString())
        # Every row is an evaluation row: agreement needs no unseen rows, and 150 rows are few.
        every, labels = np.concatenate([x_test, x_train]), np.concatenate([y_test, y_train])
        write_csv(folder / "calibrate.csv", names, x_train, y_train)
        write_csv(folder / "evaluate.csv", names, every, labels)
        session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        decided = session.run(None, {session.get_inputs()[0].name: every.astype(np.float32)})[0]
        with open(folder / "oracle.csv", "w") as file:
            file.write("decision\n" + "".join(f"{value}\n" for value in np.asarray(decided).reshape(-1)))
        listed.append(dict(name=name, kind=kind, exact=bool(trees and integer), rows=len(every)))
        print(name, len(every), flush=True)
    (out / "models.json").write_text(json.dumps(listed, indent=1))


if __name__ == "__main__":
    main()
