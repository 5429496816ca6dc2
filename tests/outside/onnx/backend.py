"""ONNX's own node tests as cases.

    backend.py FOLDER OPERATOR...

Every test case whose nodes are of one of the operators (`all`: every test case) becomes a case. A node's test passes
everything as inputs of the graph; here the first one stays, of which the others are constants. An input without a dimension
for the batch gets one of 1 in front. Inputs that are no integers are multiplied by the smallest power of two that makes them
integers; a case without one is written without inputs, with the reason.
"""

import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

from cases import Folder

MOST_BITS = 40


def counters(values):
    """Integers and what a unit of them is, or None."""
    if values.dtype.kind in "iu":
        return values.astype(np.int64), 1.0
    values = values.astype(np.float64)
    for bits in range(MOST_BITS + 1):
        scaled = values * 2.0**bits
        if np.all(np.abs(scaled) < 2**52) and np.all(scaled == np.rint(scaled)):
            return scaled.astype(np.int64), 2.0**-bits
    return None


def with_batch(model, rank, value):
    """The model with a dimension in front of its input, and the input."""
    graph = model.graph
    value_info = graph.input[0]
    dims = [1, *value.shape]
    value_info.CopyFrom(helper.make_tensor_value_info(value_info.name, value_info.type.tensor_type.elem_type, dims))
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            axis = next((attribute for attribute in node.attribute if attribute.name == "axis"), None)
            if axis is None:
                node.attribute.append(helper.make_attribute("axis", 2))
            elif axis.i >= 0:
                axis.i += 1
    return value[None]


def array(value):
    """A tensor of the data set; None of a sequence."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return None if isinstance(value, (list, dict)) or value is None else np.asarray(value)


def convert(folder, case):
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    operators = sorted({node.op_type for node in graph.node})
    facts = {"group": ", ".join(operators)}
    inputs, outputs = case.data_sets[0]
    arrays = [array(value) for value in inputs]
    if any(value is None for value in arrays) or not arrays or len(outputs) != 1:
        folder.add(case.name, model, unsupported="its inputs or outputs are not one tensor each", **facts)
        return
    for value_info, value in list(zip(graph.input, arrays))[1:]:
        kind = value_info.type.tensor_type.elem_type
        plain = value.astype(helper.tensor_dtype_to_np_dtype(kind))
        graph.initializer.append(numpy_helper.from_array(plain, value_info.name))
        graph.input.remove(value_info)
    x = arrays[0]
    axes = [attribute.i for node in graph.node for attribute in node.attribute if attribute.name == "axis"]
    if x.ndim < 2 or 0 in axes:
        x = with_batch(model, x.ndim, x)
    found = None if x.dtype.kind not in "fiu" and x.dtype.itemsize > 1 else counters(np.asarray(x, dtype=plain_type(x)))
    if found is None:
        folder.add(case.name, model, unsupported="its inputs are no multiples of a power of two", **facts)
        return
    values, resolution = found
    expected = array(outputs[0])
    rows = values.reshape(values.shape[0], -1)
    expected = expected.astype(plain_type(expected)).reshape(rows.shape[0], -1) if expected.size % rows.shape[0] == 0 else None
    if expected is None or expected.dtype.kind == "b":
        folder.add(case.name, model, unsupported="its output does not have a row a row of its input", **facts)
        return
    folder.add(case.name, model, rows, resolution, {"expected": expected}, **facts)


def plain_type(array):
    """A type that NumPy itself has, for the small types that it does not."""
    if array.dtype.kind in "fiub":
        return np.float32 if array.dtype.kind == "f" else array.dtype
    name = array.dtype.name
    return np.int32 if "int" in name else np.float32


def main(folder, operators):
    folder = Folder(folder)
    for case in collect_testcases(None):
        of_case = {node.op_type for node in case.model.graph.node}
        if operators == ["all"] or of_case & set(operators):
            convert(folder, case)
    folder.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
