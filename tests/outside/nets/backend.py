"""ONNX's own node tests as models of one row.

    backend.py FOLDER

Every node test whose nodes are of operators that `docs/onnx-operators.md` lists as read becomes a case. A node's test passes everything as inputs of
the graph; here the first float stays, of which the others are constants. Where the batch is not one, operators that take rows
of a batch keep the first row, and the others get a dimension of one in front, with their axes moved. A product with 1 behind the
output makes it scores, and nothing that a decision's tail would leave out.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

BATCHED = {
    "AveragePool", "BatchNormalization", "Conv", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "MatMul", "MaxPool",
}
AXIS = {"ArgMax": 0, "ArgMin": 0, "Concat": None, "Gather": 0, "LogSoftmax": -1, "Softmax": -1, "Split": 0, "Flatten": 1}
AXES_INPUT = {"Squeeze": 1, "Unsqueeze": 1, "Slice": 3, "Pad": 3}
FLOATS = (np.float32, np.float64)


class Refused(Exception):
    pass


def attribute(node, name):
    return next((each for each in node.attribute if each.name == name), None)


def set_attribute(node, name, value):
    kept = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def add_dimension(node, constants, rank):
    """Moves the axes of a node whose input gets a dimension in front."""
    operator = node.op_type
    moved = lambda axes: [axis + 1 if axis >= 0 else axis for axis in axes]
    has = lambda index: len(node.input) > index and node.input[index]

    def change(index, function):
        name = node.input[index]
        if name not in constants:
            raise Refused("its axes or shape are computed, and its batch is not one")
        constants[name] = function(constants[name])

    if operator in ("Shape", "Size"):
        raise Refused("its result is the shape of a batch")
    if operator in AXIS:
        axis = attribute(node, "axis")
        axis = AXIS[operator] if axis is None else axis.i
        if axis is not None:
            set_attribute(node, "axis", moved([axis])[0])
    if operator.startswith("Reduce") and has(1):
        change(1, lambda axes: np.array(moved(axes.tolist()), np.int64))
    if attribute(node, "axes") is not None:
        set_attribute(node, "axes", moved(attribute(node, "axes").ints))
    at = AXES_INPUT.get(operator)
    if at is not None and has(at):
        change(at, lambda axes: np.array(moved(np.ravel(axes).tolist()), np.int64))
    elif operator == "Slice":
        change(1, lambda starts: starts)
        constants["axes+1"] = np.arange(1, len(constants[node.input[1]]) + 1)
        node.input.append("axes+1")
    elif operator == "Pad":
        change(1, lambda pads: np.concatenate([[0], pads[:rank], [0], pads[rank:]]).astype(np.int64))
    elif operator == "Squeeze":
        raise Refused("it squeezes every axis of a batch")
    if operator == "Transpose":
        perm = attribute(node, "perm")
        perm = list(perm.ints) if perm is not None else list(range(rank))[::-1]
        set_attribute(node, "perm", [0, *moved(perm)])
    if operator == "Concat":
        constants.update({name: value[None] for name, value in constants.items()})
    if operator in ("Tile", "Reshape"):
        change(1, lambda sizes: np.concatenate([[1], sizes]).astype(np.int64))


def convert(case):
    """The model, its input and its output."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    inputs, outputs = case.data_sets[0]
    if any(not isinstance(value, (np.ndarray, np.generic)) for value in [*inputs, *outputs]):
        raise Refused("its elements are of a type that NumPy does not have, or it is no tensor")
    y = np.asarray(outputs[0])
    if y.dtype.kind not in "fiub" or y.dtype == np.float16 or y.size == 0:
        raise Refused("its output is not FLOAT, DOUBLE or integers, or is empty")
    values = {info.name: np.asarray(value) for info, value in zip(graph.input, inputs)}
    feature = next((name for name, value in values.items() if value.dtype in FLOATS and value.size), None)
    inner = {node.op_type for node in graph.node}
    if feature is None:
        # Constants alone: the feature is a zero beside them.
        feature, x = "feature", np.zeros((1, 1), np.float32)
        graph.node.append(helper.make_node("Add", [graph.output[0].name, feature], ["plus"]))
        last = "plus"
    else:
        x, last = values.pop(feature), graph.output[0].name
        if x.ndim >= 2 and x.shape[0] == 1:
            pass
        elif inner <= BATCHED and x.ndim >= 2 and len(graph.node) == 1:
            rows = x.shape[0]
            x, y = x[:1], y[:1]
            for name, value in values.items():
                if "Gemm" in inner and value.ndim == 2 and value.shape[0] == rows and name == graph.node[0].input[-1]:
                    values[name] = value[:1]
        elif len(graph.node) > 1 and any(node.op_type in AXIS or node.op_type in ("Transpose", "Reshape") for node in graph.node):
            raise Refused("several nodes with axes and a batch that is not one")
        else:
            rank = x.ndim
            x = x.reshape((1, 1) if rank == 0 else (1, *x.shape))
            for node in graph.node:
                add_dimension(node, values, rank)
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    constants = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph.node.append(helper.make_node("Mul", [last, "one"], ["scores"]))
    graph.initializer.extend([*constants, one])
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info(feature, TensorProto.FLOAT, x.shape))
    graph.output.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, None))
    return model, x, y


def operators_read():
    """Names in the first table of the page that the reader's own table writes."""
    page = Path(__file__).parents[3] / "docs/onnx-operators.md"
    table = page.read_text().split("Refused by name")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")]
    return {row[1].strip() for row in rows} - {"operator"}


def main(folder):
    operators = operators_read()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for case in sorted(collect_testcases(None), key=lambda case: case.name):
        of_case = [node.op_type for node in case.model.graph.node]
        if "attention" in case.name or not set(of_case) <= operators or any(node.domain not in ("", "ai.onnx") for node in case.model.graph.node):
            continue
        facts = {"name": case.name, "group": ", ".join(sorted(set(of_case))), "rows": 1}
        try:
            model, x, y = convert(case)
        except Refused as reason:
            cases.append({**facts, "unsupported": str(reason)})
            continue
        (folder / f"{case.name}.onnx").write_bytes(model.SerializeToString())
        x.astype("<f4").tofile(folder / f"{case.name}.x")
        y.astype("<f4").tofile(folder / f"{case.name}.y")
        cases.append(facts)
    (folder / "cases.json").write_text(json.dumps(cases, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
