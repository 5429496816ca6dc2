"""C code for a forest by emlearn or tl2cgen: trees.py KIND trees.json DIR, KIND one of inline, loadable, tl2cgen.

A tree is [feature, threshold, left, right] (left if feature <= threshold) or a leaf, the share of class 1 of 65535.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

SURE = 65535


def numbered(tree):
    """Nodes in the order of a depth-first walk, as scikit-learn numbers them."""
    nodes = []

    def walk(node):
        at = len(nodes)
        nodes.append(None)
        if isinstance(node, list):
            feature, threshold, left, right = node
            nodes[at] = (feature, threshold, walk(left), walk(right), 0)
        else:
            nodes[at] = (-2, -2, -1, -1, node)
        return at

    walk(tree)
    return nodes


def emlearn(kind, forest, out):
    import numpy
    from emlearn.trees import Wrapper

    def estimator(tree):
        nodes = numbered(tree)
        column = lambda i: numpy.array([node[i] for node in nodes])
        leaf = column(4) / SURE
        # emlearn asks `feature < value`.
        columns = SimpleNamespace(
            node_count=len(nodes), feature=column(0), threshold=column(1) + 1, children_left=column(2),
            children_right=column(3), value=numpy.stack([1 - leaf, leaf], axis=1).reshape(-1, 1, 2))
        return SimpleNamespace(tree_=columns, n_features_in_=forest["features"], n_classes_=2)

    # What emlearn reads of a fitted scikit-learn forest; it goes by the type's name.
    classifier = type("RandomForestClassifier", (), {})()
    classifier.estimators_ = [estimator(tree) for tree in forest["trees"]]
    Wrapper(classifier, kind, dtype="int16_t").save(file=out / "emlearn.h", name="forest", include_proba=False)


def tl2cgen(forest, out):
    import tl2cgen
    from treelite.model_builder import Metadata, ModelBuilder, PostProcessorFunc, TreeAnnotation

    trees = forest["trees"]
    builder = ModelBuilder(
        threshold_type="float32", leaf_output_type="float32",
        metadata=Metadata(num_feature=forest["features"], task_type="kRegressor", average_tree_output=True,
                          num_target=1, num_class=[1], leaf_vector_shape=(1, 1)),
        tree_annotation=TreeAnnotation(num_tree=len(trees), target_id=[0] * len(trees), class_id=[0] * len(trees)),
        postprocessor=PostProcessorFunc(name="identity"), base_scores=[0.0])
    for tree in trees:
        builder.start_tree()
        for number, (feature, threshold, left, right, value) in enumerate(numbered(tree)):
            builder.start_node(number)
            if left < 0:
                builder.leaf(value / SURE)
            else:
                builder.numerical_test(feature_id=feature, threshold=threshold, default_left=True, opname="<=",
                                       left_child_key=left, right_child_key=right)
            builder.end_node()
        builder.end_tree()
    tl2cgen.generate_c_code(builder.commit(), dirpath=str(out), params={})


kind, trees, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
forest = json.loads(trees.read_text())
if kind == "tl2cgen":
    tl2cgen(forest, out)
else:
    emlearn(kind, forest, out)
