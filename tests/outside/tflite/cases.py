"""The models: many of each operator, with random shapes, strides, padding, scales per channel, zero points and activations."""

import numpy as np

from network import Network
from ai_edge_litert.schema_py_generated import ActivationFunctionType as Act
from ai_edge_litert.schema_py_generated import Padding

ACTIVATIONS = [Act.NONE, Act.RELU, Act.RELU6, Act.RELU_N1_TO_1]


def scale(rng, low=0.004, high=0.12):
    return np.float32(np.exp(rng.uniform(np.log(low), np.log(high))))


def zero(rng):
    return int(rng.choice([-128, 0, 127, int(rng.integers(-128, 128))]))


def grid(rng):
    return {"scale": scale(rng), "zero_point": zero(rng)}


def images(shape, dtype=np.int8):
    """Draws inputs: noise of the whole type, or of a few values, or one value everywhere."""
    limits = np.iinfo(dtype)

    def draw(rng):
        kind = rng.integers(0, 4)
        if kind == 0:
            return np.full(shape, rng.choice([limits.min, limits.max, 0]), dtype)
        if kind == 1:
            around = int(rng.integers(limits.min + 4, limits.max - 4))
            return rng.integers(around - 4, around + 5, shape).astype(dtype)
        return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)

    return draw


def weights(rng, net, shape, axis, channels, per_channel, inputs, bias_dtype=np.int32):
    """Weights and a bias of a layer whose input has scale `inputs`; the numbers of both tensors, and a scale that its sums suit."""
    scales = np.array([scale(rng, 0.002, 0.05) for _ in range(channels)]) if per_channel else scale(rng, 0.002, 0.05)
    values = rng.integers(-127, 128, shape)
    taps = values.size // channels
    spread = 127 * np.sqrt(taps)
    bias = rng.integers(-int(60 * spread), int(60 * spread) + 1, channels)
    w = net.tensor(shape, np.int8, scales, axis=axis, data=values)
    product = np.asarray(inputs * scales, np.float32)
    b = net.tensor([channels], bias_dtype, product, data=bias)
    return w, b, np.float32(np.mean(product) * spread * rng.uniform(0.2, 3.0))


def dense(rng, per_channel, dtype=np.int8, bias_dtype=np.int32):
    net = Network()
    n, m = int(rng.integers(1, 80)), int(rng.integers(1, 24))
    wide = dtype is np.int16
    first = {"scale": scale(rng, 1e-4, 1e-3), "zero_point": 0} if wide else grid(rng)
    x = net.tensor([1, n], dtype, **first)
    w, b, out = weights(rng, net, [m, n], 0, m, per_channel, first["scale"], bias_dtype)
    inputs = [x, w] if rng.random() < 0.2 and not wide else [x, w, b]
    last = {"scale": out, "zero_point": 0 if wide else zero(rng)}
    y = net.tensor([1, m], dtype, **last)
    net.operator("FULLY_CONNECTED", inputs, y, version=7 if wide else 4, fusedActivationFunction=activation(rng, last))
    return net, images([1, n], dtype)


def activation(rng, grid_out):
    """An activation that leaves something of the output."""
    while True:
        act = rng.choice(ACTIVATIONS)
        low, high = (grid_out["scale"] * (q - grid_out["zero_point"]) for q in (-128, 127))
        if act == Act.NONE or (low < 0.5 and high > 0.5):
            return int(act)


def window_sizes(rng, height, width, dilated=True):
    same = bool(rng.integers(0, 2))
    dilation = [int(rng.integers(1, 3)) if dilated and rng.random() < 0.3 else 1 for _ in range(2)]
    kernel = [int(rng.integers(1, 4)), int(rng.integers(1, 5))]
    strides = [int(rng.integers(1, 4)) if max(dilation) == 1 else 1 for _ in range(2)]
    if dilated is False:
        dilation = [1, 1]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    size = [max(height, reach[0]), max(width, reach[1])]
    out = [-(-s // t) if same else (s - r) // t + 1 for s, t, r in zip(size, strides, reach)]
    return same, dilation, kernel, strides, size, out


def conv(rng, depthwise, per_channel, dtype=np.int8, bias_dtype=np.int32, pad=False):
    net = Network()
    same, dilation, kernel, strides, size, out = window_sizes(rng, int(rng.integers(3, 10)), int(rng.integers(3, 10)))
    channels, outputs = int(rng.integers(1, 6)), int(rng.integers(1, 8))
    if depthwise:
        outputs = channels * int(rng.integers(1, 4))
    wide = dtype is np.int16
    first = {"scale": scale(rng, 1e-4, 1e-3), "zero_point": 0} if wide else grid(rng)
    border = [0, 0, 0, 0]
    if pad:
        same = False
        border = [int(rng.integers(0, 3)) for _ in range(4)]
        out = [
            (s + a + b - ((k - 1) * d + 1)) // t + 1
            for s, a, b, k, d, t in zip(size, border[::2], border[1::2], kernel, dilation, strides)
        ]
    x = net.tensor([1, *size, channels], dtype, **first)
    source = x
    if pad:
        around = [[0, 0], border[:2], border[2:], [0, 0]]
        p = net.tensor([4, 2], np.int32, data=around)
        padded = [1, size[0] + sum(border[:2]), size[1] + sum(border[2:]), channels]
        source = net.tensor(padded, dtype, **first)
        net.operator("PAD", [x, p], source)
    shape = [1, *kernel, outputs] if depthwise else [outputs, *kernel, channels]
    w, b, s = weights(rng, net, shape, 3 if depthwise else 0, outputs, per_channel, first["scale"], bias_dtype)
    last = {"scale": s, "zero_point": 0 if wide else zero(rng)}
    y = net.tensor([1, *out, outputs], dtype, **last)
    options = {
        "padding": Padding.SAME if same else Padding.VALID,
        "strideH": strides[0], "strideW": strides[1],
        "dilationHFactor": dilation[0], "dilationWFactor": dilation[1],
        "fusedActivationFunction": activation(rng, last),
    }
    if depthwise:
        options["depthMultiplier"] = outputs // channels
    net.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [source, w, b], y, **options)
    return net, images([1, *size, channels], dtype)


def pool(rng, mean, pad=False):
    net = Network()
    same, _, kernel, strides, size, out = window_sizes(rng, int(rng.integers(2, 9)), int(rng.integers(2, 9)), False)
    channels, g = int(rng.integers(1, 6)), grid(rng)
    if pad and not mean:
        g["zero_point"] = -128
    x = net.tensor([1, *size, channels], np.int8, **g)
    source = x
    if pad:
        same = False
        p = net.tensor([4, 2], np.int32, data=[[0, 0], [0, 1], [0, 1], [0, 0]])
        kernel = [max(2, k) for k in kernel]
        size_padded = [max(n + 1, k) for n, k in zip(size, kernel)]
        out = [(n - k) // t + 1 for n, k, t in zip(size_padded, kernel, strides)]
        source = net.tensor([1, *size_padded, channels], np.int8, **g)
        net.operator("PAD", [x, p], source)
    y = net.tensor([1, *out, channels], np.int8, **g)
    net.operator(
        "AVERAGE_POOL_2D" if mean else "MAX_POOL_2D", [source], y,
        padding=Padding.SAME if same else Padding.VALID, strideH=strides[0], strideW=strides[1],
        filterHeight=kernel[0], filterWidth=kernel[1], fusedActivationFunction=activation(rng, g),
    )
    return net, images([1, *size, channels])


def mean(rng):
    net = Network()
    h, w, c = (int(rng.integers(1, 9)) for _ in range(3))
    first = grid(rng)
    last = first if rng.random() < 0.4 else {"scale": np.float32(first["scale"] * rng.uniform(0.3, 2)), "zero_point": zero(rng)}
    keep = bool(rng.integers(0, 2))
    x = net.tensor([1, h, w, c], np.int8, **first)
    axes = net.tensor([2], np.int32, data=[1, 2])
    y = net.tensor([1, 1, 1, c] if keep else [1, c], np.int8, **last)
    net.operator("MEAN", [x, axes], y, keepDims=keep)
    return net, images([1, h, w, c])


def branches(rng, size):
    """Two tensors of other scales made of one input, by QUANTIZE."""
    net = Network()
    x = net.tensor(size, np.int8, **grid(rng))
    tensors, grids = [], []
    for _ in range(2):
        g = grid(rng)
        y = net.tensor(size, np.int8, **g)
        net.operator("QUANTIZE", [x], y)
        tensors.append(y)
        grids.append(g)
    return net, tensors, grids


def binary(rng, name):
    size = [1, int(rng.integers(1, 40))]
    net, (a, b), grids = branches(rng, size)
    coarsest = max(float(g["scale"]) for g in grids)
    suits = coarsest * 127 * float(grids[0]["scale"]) if name == "MUL" else coarsest
    last = {"scale": np.float32(suits * rng.uniform(0.4, 2)), "zero_point": zero(rng)}
    y = net.tensor(size, np.int8, **last)
    act = activation(rng, last)
    net.operator(name, [a, b], y, fusedActivationFunction=act)
    return net, images(size)


def scalar(rng, name):
    """One operand is a single element, the first or the second."""
    net = Network()
    n, g = int(rng.integers(2, 30)), grid(rng)
    x = net.tensor([1, n], np.int8, **g)
    one = net.tensor([1, 1], np.int8, **g)
    net.operator("SLICE", [x, net.tensor([2], np.int32, data=[0, n - 1]), net.tensor([2], np.int32, data=[1, 1])], one)
    b = net.tensor([1, 1], np.int8, **grid(rng))
    net.operator("QUANTIZE", [one], b)
    scales = [float(net.graph.tensors[t].quantization.scale[0]) for t in (x, b)]
    suits = scales[0] * scales[1] * 127 if name == "MUL" else max(scales)
    y = net.tensor([1, n], np.int8, scale=np.float32(suits * rng.uniform(0.4, 2)), zero_point=zero(rng))
    net.operator(name, [x, b] if rng.random() < 0.5 else [b, x], y)
    return net, images([1, n])


def largest(rng):
    """A row of an image, without its axes of one, and the place of its largest element."""
    net = Network()
    h, c, g = int(rng.integers(2, 6)), int(rng.integers(2, 12)), grid(rng)
    x = net.tensor([1, h, 1, c], np.int8, **g)
    row = net.tensor([1, 1, c], np.int8, **g)
    at = int(rng.integers(0, h))
    begin, end = [0, at, 0, 0], [1, at + 1, 1, c]
    parts = [net.tensor([4], np.int32, data=values) for values in (begin, end, [1, 1, 1, 1])]
    net.operator("STRIDED_SLICE", [x, *parts], row, shrinkAxisMask=2)
    flat = net.tensor([1, c], np.int8, **g)
    net.operator("SQUEEZE", [row], flat, squeezeDims=[1])
    place = net.tensor([1], np.int32)
    net.operator("ARG_MAX", [flat, net.tensor([], np.int32, data=1)], place, outputType=2)
    return net, images([1, h, 1, c])


def unary(rng, name):
    """All 256 inputs at once."""
    net = Network()
    first, last, options = grid(rng), grid(rng), {}
    first["scale"] = scale(rng, 0.01, 0.2)
    if name == "LOGISTIC":
        last = {"scale": np.float32(1 / 256), "zero_point": -128}
    elif name == "TANH":
        last = {"scale": np.float32(1 / 128), "zero_point": 0}
    elif name == "HARD_SWISH":
        last["scale"] = np.float32(first["scale"] * rng.uniform(0.2, 1.5))
    elif name == "LEAKY_RELU":
        options["alpha"] = float(np.float32(rng.uniform(0, 1)))
    elif name in ("RELU6", "RELU_N1_TO_1"):
        first["zero_point"] = int(rng.integers(-100, 20))
        last = first
    x = net.tensor([1, 256], np.int8, **first)
    y = net.tensor([1, 256], np.int8, **last)
    net.operator(name, [x], y, **options)
    return net, lambda rng: np.arange(-128, 128, dtype=np.int8).reshape(1, 256)


def wide_unary(rng, name):
    net = Network()
    first, last = ({"scale": scale(rng, 1e-4, 1e-3), "zero_point": 0} for _ in range(2))
    x = net.tensor([1, 40], np.int16, **first)
    y = net.tensor([1, 40], np.int16, **last)
    net.operator(name, [x], y, **({"alpha": 0.3} if name == "LEAKY_RELU" else {}))
    return net, images([1, 40], np.int16)


def moves(rng):
    """Slices, joins and other dimensions."""
    net = Network()
    h, w, c = (int(rng.integers(2, 7)) for _ in range(3))
    g = grid(rng)
    x = net.tensor([1, h, w, c], np.int8, **g)
    begin = [0, *(int(rng.integers(0, n)) for n in (h, w, c))]
    count = [1, *(int(rng.integers(1, n - b + 1)) for n, b in zip((h, w, c), begin[1:]))]
    part = net.tensor(count, np.int8, **g)
    net.operator("SLICE", [x, net.tensor([4], np.int32, data=begin), net.tensor([4], np.int32, data=count)], part)
    flat = net.tensor([1, int(np.prod(count))], np.int8, **g)
    net.operator("RESHAPE", [part, net.tensor([2], np.int32, data=[1, int(np.prod(count))])], flat)
    n = int(np.prod(count))
    start, stride = int(rng.integers(0, n)), int(rng.integers(1, 4))
    taken = net.tensor([1, len(range(start, n, stride))], np.int8, **g)
    net.operator(
        "STRIDED_SLICE",
        [flat, *(net.tensor([2], np.int32, data=v) for v in ([0, start], [1, n], [1, stride]))], taken,
        beginMask=1, endMask=3,
    )
    joined = net.tensor([1, 2 * n + len(range(start, n, stride))], np.int8, **g)
    net.operator("CONCATENATION", [flat, taken, flat], joined, axis=-1)
    column = net.tensor([1, 2 * n + len(range(start, n, stride)), 1], np.int8, **g)
    net.operator("EXPAND_DIMS", [joined, net.tensor([], np.int32, data=2)], column)
    return net, images([1, h, w, c])


def stacked(rng):
    """A small network of several layers."""
    net = Network()
    h, w, c = 6, 7, 3
    s0 = grid(rng)
    x = net.tensor([1, h, w, c], np.int8, **s0)
    w1, b1, out1 = weights(rng, net, [5, 3, 3, c], 0, 5, True, s0["scale"])
    g1 = {"scale": out1, "zero_point": -128}
    y1 = net.tensor([1, 3, 4, 5], np.int8, **g1)
    net.operator("CONV_2D", [x, w1, b1], y1, padding=Padding.SAME, strideH=2, strideW=2, fusedActivationFunction=Act.RELU)
    w2, b2, out2 = weights(rng, net, [1, 3, 3, 5], 3, 5, True, out1)
    g2 = {"scale": out2, "zero_point": int(rng.integers(-128, 0))}
    y2 = net.tensor([1, 3, 4, 5], np.int8, **g2)
    net.operator("DEPTHWISE_CONV_2D", [y1, w2, b2], y2, padding=Padding.SAME, strideH=1, strideW=1, depthMultiplier=1)
    g3 = grid(rng)
    g3["scale"] = np.float32(max(out1, out2) * 1.1)
    y3 = net.tensor([1, 3, 4, 5], np.int8, **g3)
    net.operator("ADD", [y1, y2], y3, fusedActivationFunction=Act.RELU)
    y4 = net.tensor([1, 1, 1, 5], np.int8, **g3)
    net.operator("AVERAGE_POOL_2D", [y3], y4, padding=Padding.VALID, strideH=3, strideW=4, filterHeight=3, filterWidth=4)
    y5 = net.tensor([1, 5], np.int8, **g3)
    net.operator("RESHAPE", [y4, net.tensor([2], np.int32, data=[1, 5])], y5)
    w6, b6, out6 = weights(rng, net, [4, 5], 0, 4, False, g3["scale"])
    y6 = net.tensor([1, 4], np.int8, scale=out6, zero_point=3)
    net.operator("FULLY_CONNECTED", [y5, w6, b6], y6)
    return net, images([1, h, w, c])


def ends(rng, source):
    """A dense layer between a quantisation of the input, and a softmax, a dequantisation, a maximum at the end."""
    net = Network()
    n, m = int(rng.integers(2, 20)), int(rng.integers(2, 9))
    first = grid(rng)
    if source is np.uint8:
        net.tensor([1, n], np.uint8, first["scale"], first["zero_point"] + 128)
    else:
        # A few digits, as the schema has room for.
        net.resolution = float(f"{first['scale'] * rng.uniform(0.05, 0.3):.3g}")
        net.tensor([1, n], np.float32)
    x = net.tensor([1, n], np.int8, **first)
    net.operator("QUANTIZE", [0], x)
    w, b, out = weights(rng, net, [m, n], 0, m, False, first["scale"])
    y = net.tensor([1, m], np.int8, scale=out, zero_point=int(rng.integers(-20, 20)))
    net.operator("FULLY_CONNECTED", [x, w, b], y)
    if source is np.uint8:
        scale_out, zero_out = net.graph.tensors[y].quantization.scale[0], net.graph.tensors[y].quantization.zeroPoint[0]
        net.operator("QUANTIZE", [y], net.tensor([1, m], np.uint8, scale_out, zero_out + 128))
        return net, images([1, n], np.uint8)
    shares = net.tensor([1, m], np.int8, 1 / 256, -128)
    net.operator("SOFTMAX", [y], shares, beta=1.0)
    net.operator("DEQUANTIZE", [shares], net.tensor([1, m], np.float32))
    low, high = (int(np.ceil(first["scale"] * (q - first["zero_point"]) / net.resolution)) for q in (-160, 160))

    def draw(rng):
        return (rng.integers(low, high, [1, n]) * net.resolution).astype(np.float32)

    return net, draw


CASES = [
    ("dense", 12, lambda rng: dense(rng, False)),
    ("dense-per-channel", 8, lambda rng: dense(rng, True)),
    ("conv", 8, lambda rng: conv(rng, False, False)),
    ("conv-per-channel", 14, lambda rng: conv(rng, False, True)),
    ("conv-after-pad", 6, lambda rng: conv(rng, False, True, pad=True)),
    ("depthwise", 12, lambda rng: conv(rng, True, True)),
    ("dense-int16", 6, lambda rng: dense(rng, False, np.int16, np.int64)),
    ("conv-int16", 6, lambda rng: conv(rng, False, True, np.int16, np.int64)),
    ("depthwise-int16", 4, lambda rng: conv(rng, True, True, np.int16, np.int64)),
    ("average-pool", 8, lambda rng: pool(rng, True)),
    ("average-pool-after-pad", 4, lambda rng: pool(rng, True, True)),
    ("max-pool", 6, lambda rng: pool(rng, False)),
    ("max-pool-after-pad", 4, lambda rng: pool(rng, False, True)),
    ("mean", 10, mean),
    ("add", 12, lambda rng: binary(rng, "ADD")),
    ("sub", 12, lambda rng: binary(rng, "SUB")),
    ("mul", 12, lambda rng: binary(rng, "MUL")),
    ("add-scalar", 6, lambda rng: scalar(rng, "ADD")),
    ("sub-scalar", 6, lambda rng: scalar(rng, "SUB")),
    ("mul-scalar", 6, lambda rng: scalar(rng, "MUL")),
    ("logistic", 10, lambda rng: unary(rng, "LOGISTIC")),
    ("tanh", 10, lambda rng: unary(rng, "TANH")),
    ("hard-swish", 10, lambda rng: unary(rng, "HARD_SWISH")),
    ("leaky-relu", 6, lambda rng: unary(rng, "LEAKY_RELU")),
    ("relu", 6, lambda rng: unary(rng, "RELU")),
    ("relu6", 4, lambda rng: unary(rng, "RELU6")),
    ("relu-n1-to-1", 4, lambda rng: unary(rng, "RELU_N1_TO_1")),
    ("quantize", 6, lambda rng: unary(rng, "QUANTIZE")),
    ("relu-int16", 3, lambda rng: wide_unary(rng, "RELU")),
    ("leaky-relu-int16", 3, lambda rng: wide_unary(rng, "LEAKY_RELU")),
    ("moves", 10, moves),
    ("largest", 6, largest),
    ("stacked", 8, stacked),
    ("ends-float", 8, lambda rng: ends(rng, np.float32)),
    ("ends-uint8", 6, lambda rng: ends(rng, np.uint8)),
]


def all_cases(rng):
    """Name, network and a function that draws an input, of every case."""
    for name, count, make in CASES:
        for number in range(count):
            yield f"{name}-{number:02}", *make(rng)
