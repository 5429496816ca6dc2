"""Files that must be refused, and small cases with what tflite-micro and LiteRT made of them, for tests that have no Python: `recorded/`.

    refusals.py FOLDER
"""

import argparse
import pathlib

import numpy as np

import cases
import generate
from network import Network
from ai_edge_litert.schema_py_generated import Padding

GRID = {"scale": 0.05, "zero_point": 3}


def dense(shape=(1, 4), outputs=3, source=np.int8, target=np.int8, weights=np.int8, grid=GRID, **options):
    net = Network()
    x = net.tensor(shape, source, **grid)
    w = net.tensor([outputs, shape[-1]], weights, 0.02, data=np.arange(outputs * shape[-1]).reshape(outputs, -1))
    y = net.tensor([shape[0], outputs], target, **GRID)
    net.operator("FULLY_CONNECTED", [x, w], y, **options)
    return net


def chain(*operators, size=8, grids=None):
    """Operators of one input and one output, one after the other."""
    net = Network()
    x = net.tensor([1, size], np.int8, **GRID)
    for name, grid in zip(operators, grids or [GRID] * len(operators)):
        y = net.tensor([1, size], np.int8, **grid)
        net.operator(name, [x], y)
        x = y
    return net


def missing_buffer():
    net = dense()
    net.graph.tensors[1].buffer = 9
    return net


def short_buffer():
    net = dense()
    net.buffers[net.graph.tensors[1].buffer].data = np.zeros(5, np.uint8)
    return net


def two_outputs():
    net = chain("RELU", "RELU")
    net.outputs = [1, 2]
    return net


def written_twice():
    net = chain("RELU", "RELU", "RELU")
    net.graph.operators[1].outputs = [1]
    return net


def pad_before_relu():
    net = Network()
    x = net.tensor([1, 2, 2, 1], np.int8, **GRID)
    p = net.tensor([4, 2], np.int32, data=[[0, 0], [1, 1], [1, 1], [0, 0]])
    y, z = (net.tensor([1, 4, 4, 1], np.int8, **GRID) for _ in range(2))
    net.operator("PAD", [x, p], y)
    net.operator("RELU", [y], z)
    return net


def no_stride():
    net = Network()
    x = net.tensor([1, 4, 4, 1], np.int8, **GRID)
    y = net.tensor([1, 4, 4, 1], np.int8, **GRID)
    net.operator("MAX_POOL_2D", [x], y, padding=Padding.SAME, strideH=0, strideW=1, filterHeight=2, filterWidth=2)
    return net


def constant_operand():
    net = Network()
    x = net.tensor([1, 4], np.int8, **GRID)
    c = net.tensor([1, 4], np.int8, **GRID, data=[1, 2, 3, 4])
    net.operator("ADD", [x, c], net.tensor([1, 4], np.int8, **GRID))
    return net


def spread():
    net = Network()
    x = net.tensor([1, 2, 2, 3], np.int8, **GRID)
    y, z = (net.tensor([1, 1, 1, 3], np.int8, **GRID), net.tensor([1, 2, 2, 3], np.int8, **GRID))
    net.operator("MAX_POOL_2D", [x], y, padding=Padding.VALID, strideH=1, strideW=1, filterHeight=2, filterWidth=2)
    net.operator("MUL", [x, y], z)
    return net


def concat_scales():
    net = Network()
    x = net.tensor([1, 4], np.int8, **GRID)
    y = net.tensor([1, 4], np.int8, scale=0.1, zero_point=3)
    net.operator("RELU", [x], y)
    net.operator("CONCATENATION", [x, y], net.tensor([1, 8], np.int8, **GRID), axis=1)
    return net


def many(count):
    return chain(*["RELU"] * count)


REFUSED = {
    "another-operator": lambda: chain("ABS"),
    "float": lambda: dense(source=np.float32),
    "float-inside": lambda: chain("DEQUANTIZE", "RELU"),
    "int16-without-bias": lambda: dense(source=np.int16, target=np.int16, grid={"scale": 0.001}),
    "scale-zero": lambda: dense(grid={"scale": 0.0, "zero_point": 0}),
    "scale-nan": lambda: dense(grid={"scale": float("nan"), "zero_point": 0}),
    "zero-point": lambda: dense(grid={"scale": 0.1, "zero_point": 300}),
    "no-scale": lambda: dense(grid={}),
    "scales-far-apart": lambda: dense(grid={"scale": 3e30, "zero_point": 0}),
    "batch": lambda: dense(shape=(2, 4)),
    "dimension-zero": lambda: dense(shape=(0, 4)),
    "large": lambda: chain("RELU", size=100_000),
    "many-inputs": lambda: chain("RELU", size=300),
    "missing-buffer": missing_buffer,
    "short-buffer": short_buffer,
    "two-outputs": two_outputs,
    "written-twice": written_twice,
    "pad-before-relu": pad_before_relu,
    "no-stride": no_stride,
    "constant-operand": constant_operand,
    "spread": spread,
    "concat-scales": concat_scales,
    "shuffled": lambda: dense(weightsFormat=1),
    "softmax-inside": lambda: chain("SOFTMAX", "RELU"),
    "logistic-scale": lambda: chain("LOGISTIC"),
    "too-many-operators": lambda: many(70),
}

# A case of each kind of arithmetic.
KEPT = """dense dense-per-channel dense-int16 conv-per-channel conv-after-pad depthwise average-pool mean add mul logistic tanh hard-swish
leaky-relu moves stacked ends-float ends-uint8""".split()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder
    refused = folder / "refused"
    refused.mkdir(parents=True, exist_ok=True)
    for name, make in REFUSED.items():
        (refused / f"{name}.tflite").write_bytes(make().to_bytes())
    rng = np.random.default_rng(9)
    for name, _, make in cases.CASES:
        if name in KEPT:
            network, draw = make(rng)
            generate.record(name, network.to_bytes(), [draw(rng) for _ in range(3)], folder, network)


if __name__ == "__main__":
    main()
