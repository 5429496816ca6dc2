"""Random networks, quantised by ONNX Runtime, and what ONNX Runtime computes with them.

    parity.py FOLDER

Every graph is random in shape and weights from a fixed seed. Inputs are multiples of 1/32, which float32 holds exactly, so
that raw counters say them. Each is run with graph optimisations off (floats between DequantizeLinear and QuantizeLinear)
and on (integer kernels).
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Unimplemented
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from cases import Folder

RESOLUTION = 1 / 32
ROWS = 80
OPSET = 17
OPERATORS = [
    "Add", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "HardSwish", "HardSigmoid",
    "LeakyRelu", "MatMul", "MaxPool", "Mul", "Relu", "Reshape", "Sigmoid", "Softmax", "Sub", "Tanh", "Transpose",
]


class Net:
    """A float graph under construction."""

    def __init__(self, rng, shape):
        self.rng, self.nodes, self.constants, self.count = rng, [], [], 0
        self.input_shape = shape

    def constant(self, array):
        self.count += 1
        self.constants.append(numpy_helper.from_array(np.asarray(array), f"c{self.count}"))
        return f"c{self.count}"

    def node(self, operator, *inputs, **attributes):
        self.count += 1
        output = f"v{self.count}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=f"n{self.count}", **attributes))
        return output

    def weights(self, *shape):
        fan_in = int(np.prod(shape[1:]))
        spread = self.rng.uniform(0.3, 2.0, (shape[0],) + (1,) * (len(shape) - 1))
        return (self.rng.standard_normal(shape) * spread / np.sqrt(fan_in)).astype(np.float32)

    def bias(self, n):
        return self.constant(self.rng.normal(0, 0.5, n).astype(np.float32))

    def dense(self, x, inputs, outputs):
        w = self.weights(outputs, inputs)
        if self.rng.random() < 0.4:
            y = self.node("MatMul", x, self.constant(w.T.copy()))
            return self.node("Add", y, self.bias(outputs))
        if self.rng.random() < 0.5:
            return self.node("Gemm", x, self.constant(w), self.bias(outputs), transB=1)
        return self.node("Gemm", x, self.constant(w.T.copy()), self.bias(outputs))

    def conv(self, x, channels, outputs, kernel, group=1, **attributes):
        w = self.constant(self.weights(outputs, channels // group, *kernel))
        return self.node("Conv", x, w, self.bias(outputs), kernel_shape=list(kernel), group=group, **attributes)

    def activation(self, x, choices):
        kind = self.rng.choice(choices)
        if kind == "None":
            return x
        if kind == "Clip":
            return self.node("Clip", x, self.constant(np.float32(0)), self.constant(np.float32(6)))
        if kind == "LeakyRelu":
            return self.node("LeakyRelu", x, alpha=0.1)
        if kind == "HardSwish":
            if self.rng.random() < 0.5:
                return self.node("HardSwish", x)
            return self.node("Mul", x, self.node("HardSigmoid", x, alpha=1 / 6, beta=0.5))
        if kind == "Silu":
            return self.node("Mul", x, self.node("Sigmoid", x))
        return self.node(kind, x)

    def model(self, output):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *self.input_shape])
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "random", [x], [y], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        return onnx.shape_inference.infer_shapes(model)


def mlp(rng, activations):
    widths = [int(rng.integers(2, 60)) for _ in range(int(rng.integers(2, 5)))] + [int(rng.integers(2, 40))]
    net = Net(rng, [widths[0]])
    x = "x"
    for layer in range(1, len(widths)):
        inputs, outputs = widths[layer - 1 : layer + 1]
        branch = rng.choice(["plain", "plain", "plain", "Add", "Sub", "Mul", "Concat"])
        if branch == "plain":
            x = net.dense(x, inputs, outputs)
        elif branch == "Concat":
            x = net.node("Concat", net.dense(x, inputs, outputs - 1), net.dense(x, inputs, 1), axis=1)
        else:
            x = net.node(branch, net.dense(x, inputs, outputs), net.dense(x, inputs, outputs))
        if layer + 1 < len(widths):
            x = net.activation(x, activations)
    return net, x, widths[-1]


def convolutional(rng, activations, average):
    channels, height, width = int(rng.integers(1, 4)), int(rng.integers(6, 10)), int(rng.integers(6, 10))
    flat = rng.random() < 0.2
    net = Net(rng, [channels * height * width] if flat else [channels, height, width])
    x = "x"
    if flat:
        x = net.node("Reshape", x, net.constant(np.array([-1, channels, height, width], np.int64)))
    for layer in range(int(rng.integers(1, 4))):
        # The quantiser leaves a pool of the graph's input float.
        kind = rng.choice(["conv", "depthwise", "grouped", "max", "average", "residual", "concat"][: 7 if layer else 3])
        kernel = [int(k) for k in rng.integers(1, 4, 2)]
        if kind in ("conv", "depthwise", "grouped"):
            pads = [int(p) for p in rng.integers(0, 2, 4)]
            strides = [int(s) for s in rng.integers(1, 3, 2)]
            group, outputs = {"conv": (1, int(rng.integers(2, 9))), "depthwise": (channels, channels * 2), "grouped": (1, 4)}[kind]
            if kind == "grouped" and channels % 2 == 0:
                group = 2
            x = net.conv(x, channels, outputs, kernel, group, pads=pads, strides=strides)
            size = lambda n, axis: (n + pads[axis] + pads[axis + 2] - kernel[axis]) // strides[axis] + 1
            channels, height, width = outputs, size(height, 0), size(width, 1)
            x = net.activation(x, activations)
        elif kind == "residual":
            y = net.conv(x, channels, channels, [3, 3], pads=[1, 1, 1, 1])
            x = net.activation(net.node("Add", x, y), ["None", "Relu"])
        elif kind == "concat":
            y = net.conv(x, channels, 2, [3, 3], pads=[1, 1, 1, 1])
            x = net.node("Concat", x, net.activation(y, activations), axis=1)
            channels += 2
        elif min(height, width) >= 4:
            # Windows of an odd number of elements: their mean is never halfway between two integers.
            kernel = average if kind == "average" else [2, 2]
            operator = "AveragePool" if kind == "average" else "MaxPool"
            pads = [1, 1, 1, 1] if kind == "max" and rng.random() < 0.5 else [0, 0, 0, 0]
            x = net.node(operator, x, kernel_shape=kernel, strides=[2, 2], pads=pads)
            height, width = ((n + 2 * pads[0] - kernel[0]) // 2 + 1 for n in (height, width))
    if rng.random() < 0.3:
        x = net.node("GlobalAveragePool", x)
        height = width = 1
    x = net.node("Flatten", x)
    size = channels * max(height, 0) * max(width, 0)
    return net, net.dense(x, max(size, 1), int(rng.integers(2, 33))), size


def series(rng, activations):
    """Convolutions over one dimension."""
    channels, width = int(rng.integers(1, 5)), int(rng.integers(12, 40))
    net, x = Net(rng, [channels, width]), "x"
    for _ in range(2):
        kernel, stride, pad = int(rng.integers(1, 6)), int(rng.integers(1, 3)), int(rng.integers(0, 3))
        outputs = int(rng.integers(2, 9))
        x = net.conv(x, channels, outputs, [kernel], strides=[stride], pads=[pad, pad])
        channels, width = outputs, (width + 2 * pad - kernel) // stride + 1
        x = net.activation(x, activations)
    if width >= 2:
        x = net.node("MaxPool", x, kernel_shape=[2], strides=[2])
        width //= 2
    x = net.node("Flatten", x)
    size = channels * max(width, 0)
    return net, net.dense(x, max(size, 1), int(rng.integers(2, 33))), size


class Data(CalibrationDataReader):
    def __init__(self, rows):
        self.rows = iter([{"x": row[None]} for row in rows])

    def get_next(self):
        return next(self.rows, None)


def session(model, optimised):
    options = ort.SessionOptions()
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # Without it x86 without VNNI saturates sums of products of uint8 and int8.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def in_another_form(model, form):
    """A quantised model as other tools write it."""
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made_by = {node.output[0]: node for node in graph.node}

    def replace(old, new):
        for node in graph.node:
            node.input[:] = [new if name == old else name for name in node.input]

    if form == "float scores":
        last = made_by[graph.output[0].name]
        before = made_by[last.input[0]]
        graph.output[0].name = before.input[0]
        graph.node.remove(last)
        graph.node.remove(before)
    elif form == "integer inputs":
        first = next(node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "x")
        kind = TensorProto.UINT8 if constants[first.input[2]].dtype == np.uint8 else TensorProto.INT8
        graph.node.remove(first)
        replace(first.output[0], "x")
        graph.input[0].type.tensor_type.elem_type = kind
    else:
        for node in [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in constants]:
            integers, scale, zero_point = (constants[name] for name in node.input)
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
            along = [-1 if at == axis else 1 for at in range(integers.ndim)]
            shaped = (lambda array: array.reshape(along)) if scale.size > 1 else (lambda array: array)
            floats = ((integers.astype(np.int32) - shaped(zero_point)) * shaped(scale)).astype(np.float32)
            if form == "float biases" and integers.dtype == np.int32:
                floats += np.random.default_rng(1).uniform(-0.5, 0.5, floats.shape).astype(np.float32) * scale
                graph.initializer.append(numpy_helper.from_array(floats, node.output[0]))
                graph.node.remove(node)
            elif form == "weights quantised in the graph" and integers.dtype != np.int32:
                name = node.output[0] + "/float"
                graph.initializer.append(numpy_helper.from_array(floats, name))
                quantise = helper.make_node("QuantizeLinear", [name, *node.input[1:]], [name + "/q"], axis=axis)
                graph.node.insert(0, quantise)
                node.input[0] = name + "/q"
                node.input[0:1] = [name + "/q"]
    return model


def units(model, values):
    """The integers that the final DequantizeLinear reads, from the floats that it writes."""
    last = next(node for node in model.graph.node if node.output[0] == model.graph.output[0].name)
    if last.op_type != "DequantizeLinear":
        return values.astype(np.float32)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    scale, zero_point = constants[last.input[1]], constants[last.input[2]]
    return np.rint(values.astype(np.float64) / np.float64(scale)).astype(np.int64) + int(zero_point)


def outputs(model, rows):
    ways = {}
    for way, optimised in (("off", False), ("on", True)):
        results = session(model, optimised).run(None, {"x": rows})[0]
        ways[way] = units(model, results.reshape(len(rows), -1))
    return ways


def quantised(model, rows, dtypes, fmt, per_channel, symmetric):
    activations, weights = dtypes
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "quantised.onnx"
        onnx.save(model, source)
        quantize_static(
            source, target, Data(rows), quant_format=fmt, activation_type=activations, weight_type=weights,
            per_channel=per_channel, op_types_to_quantize=OPERATORS,
            extra_options={"ActivationSymmetric": symmetric, "WeightSymmetric": weights != QuantType.QUInt8},
        )
        return onnx.load(target)


U8, S8, S16, U16 = QuantType.QUInt8, QuantType.QInt8, QuantType.QInt16, QuantType.QUInt16
SMOOTH = ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish", "Silu", "Clip", "None"]
PLAIN = ["Relu", "Relu", "Clip", "None"]
OF_QOPERATOR = ["Relu", "Sigmoid", "LeakyRelu", "Clip", "None"]


FORMS = ["float scores", "integer inputs", "float biases", "weights quantised in the graph"]


def kinds():
    """(group, number, maker, types of activations and weights, form)"""
    qdq, qop = QuantFormat.QDQ, QuantFormat.QOperator
    integer8 = [(U8, S8), (S8, S8), (U8, U8)]
    return [
        ("QDQ, dense layers", 60, lambda rng: mlp(rng, SMOOTH), integer8, qdq),
        ("QDQ, convolutions", 80, lambda rng: convolutional(rng, PLAIN, [3, 3]), integer8, qdq),
        ("QDQ, convolutions with smooth activations", 20, lambda rng: convolutional(rng, SMOOTH, [3, 3]), integer8, qdq),
        ("QDQ, convolutions over one dimension", 30, lambda rng: series(rng, SMOOTH), integer8, qdq),
        ("QOperator, dense layers", 30, lambda rng: mlp(rng, OF_QOPERATOR), integer8, qop),
        ("QOperator, convolutions", 40, lambda rng: convolutional(rng, OF_QOPERATOR, [3, 3]), integer8, qop),
        ("QDQ, means of 2 × 2", 10, lambda rng: convolutional(rng, PLAIN, [2, 2]), integer8, qdq),
        *(
            (f"QDQ, {form}", 10, lambda rng: mlp(rng, SMOOTH) if rng.random() < 0.5 else convolutional(rng, PLAIN, [3, 3]), integer8, qdq)
            for form in FORMS
        ),
        ("QDQ, softmax inside", 10, lambda rng: mlp(rng, ["Softmax"]), integer8, qdq),
        ("QDQ, 16-bit activations", 20, lambda rng: mlp(rng, PLAIN), [(S16, S8), (U16, S8), (S16, S16)], qdq),
    ]


def main(folder):
    folder = Folder(folder)
    for number, (group, count, make, dtypes, fmt) in enumerate(kinds()):
        done = attempt = 0
        while done < count:
            rng = np.random.default_rng([number, attempt])
            attempt += 1
            net, output, size = make(rng)
            if size == 0:
                continue
            counters = rng.integers(-96, 97, (ROWS, int(np.prod(net.input_shape))))
            if counters.shape[1] > 256:
                continue
            rows = (counters * RESOLUTION).astype(np.float32).reshape(ROWS, *net.input_shape)
            if net.input_shape[0] * 8 < rng.integers(0, 100):
                rows, counters = np.abs(rows), np.abs(counters)
            types = dtypes[attempt % len(dtypes)]
            per_channel = bool(rng.integers(0, 2)) and types[1] != U8
            symmetric = bool(rng.integers(0, 2)) and types[0] in (S8, S16)
            model = quantised(net.model(output), rows[:32], types, fmt, per_channel, symmetric)
            form = group.removeprefix("QDQ, ")
            resolution = RESOLUTION
            if form == "float scores" and any(node.op_type == "Concat" and node.output[0] == output for node in net.nodes):
                continue  # each half is quantised by itself, and the halves stay float
            if form in FORMS:
                model = in_another_form(model, form)
            if form == "integer inputs":
                kind = np.uint8 if model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8 else np.int8
                rows = rng.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, rows.shape).astype(kind)
                counters, resolution = rows.astype(np.int32), 1
            try:
                expected = outputs(model, rows)
            except Unimplemented:
                continue  # a combination of types that this version has no kernel for
            folder.add(f"{number}-{done:03}", model, counters, resolution, expected, group=group)
            done += 1
    folder.close()


if __name__ == "__main__":
    main(sys.argv[1])
