"""What TensorFlow Lite's reference kernels compute, in Python's integers, under either rounding.

No interpreter that PyPI has is built with TFLITE_SINGLE_ROUNDING. This stands for one: with rounding "double" it has to have the bits of tflite-micro,
which `generate.py` checks for every case, and "single" changes one function. Operators that are not here have no rounding of their own to differ in, or
are of no interpreter's single-rounding build: `run` gives nothing for a network with one of them.
"""

import math

import numpy as np
from ai_edge_litert import schema_py_generated as schema

F32 = np.float32
CODES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
DTYPES = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}


def quantize_multiplier(real):
    if real == 0:
        return 0, 0
    fraction, exponent = math.frexp(real)
    significand = math.floor(fraction * 2**31 + 0.5)
    if significand == 2**31:
        significand, exponent = significand // 2, exponent + 1
    return (0, 0) if exponent < -31 else (significand, exponent)


def multiply(x, multiplier, rounding):
    """MultiplyByQuantizedMultiplier, element by element."""
    significand, exponent = multiplier
    x = x.astype(np.int64)
    if rounding == "single":
        shift = 31 - exponent
        return (x * significand + (1 << (shift - 1))) >> shift
    high = ((x << max(exponent, 0)) * significand + (1 << 30)) >> 31
    right = max(-exponent, 0)
    half = 1 << (right - 1) if right else 0
    return np.sign(high) * ((np.abs(high) + half) >> right)


def ratio(a, b, c, rounding):
    """a · b / c, in single precision but for tflite-micro."""
    if rounding == "single":
        return float(F32(F32(a) * F32(b)) / F32(c))
    return float(F32(a)) * float(F32(b)) / float(F32(c))


class Run:
    """One network under one rounding."""

    def __init__(self, network, rounding):
        self.net, self.rounding, self.values = network, rounding, {}

    def tensor(self, index):
        return self.net.graph.tensors[index]

    def grid(self, index):
        quantization = self.tensor(index).quantization
        return F32(quantization.scale[0]), quantization.zeroPoint[0]

    def value(self, index):
        if index in self.values:
            return self.values[index]
        tensor = self.tensor(index)
        data = self.net.buffers[tensor.buffer].data
        return np.frombuffer(data.tobytes(), DTYPES[tensor.type]).reshape(tensor.shape).astype(np.int64)

    def centred(self, index):
        return self.value(index) - self.grid(index)[1]

    def clamp(self, values, index, activation):
        scale, zero = self.grid(index)

        def at(real):
            return zero + int(math.copysign(math.floor(abs(float(F32(real) / scale)) + 0.5), real))

        low, high = {0: (-128, 127), 1: (at(0), 127), 2: (at(-1), at(1)), 3: (at(0), at(6))}[activation]
        return np.clip(values + zero, max(low, -128), min(high, 127))

    def rows(self, acc, operator, axis_scales):
        """Sums, channels last, to outputs."""
        out, rounding = operator.outputs[0], self.rounding
        source, target = self.grid(operator.inputs[0])[0], self.grid(out)[0]
        scales = self.tensor(operator.inputs[1]).quantization.scale
        if len(operator.inputs) > 2:
            acc = acc + self.value(operator.inputs[2])
        columns = []
        for channel in range(acc.shape[-1]):
            scale = F32(scales[channel if len(scales) > 1 else 0])
            if axis_scales == "dense" and len(scales) == 1 and rounding == "single":
                real = float(F32(source * scale)) / float(target)
            else:
                real = float(source) * float(scale) / float(target)
            columns.append(multiply(acc[..., channel], quantize_multiplier(real), rounding))
        return self.clamp(np.stack(columns, -1), out, operator.builtinOptions.fusedActivationFunction)

    def fully_connected(self, operator):
        x, w = self.centred(operator.inputs[0]).reshape(-1), self.value(operator.inputs[1])
        return self.rows((w @ x)[np.newaxis], operator, "dense")

    def windows(self, operator, x, kernel, fill):
        """[positions, positions, taps, taps, channels], and what is padding."""
        options, out = operator.builtinOptions, self.tensor(operator.outputs[0]).shape
        strides = options.strideH, options.strideW
        dilation = getattr(options, "dilationHFactor", 1), getattr(options, "dilationWFactor", 1)
        gathered = np.full((*out[1:3], *kernel, x.shape[-1]), fill)
        before = [0, 0]
        if options.padding == schema.Padding.SAME:
            for axis in range(2):
                reach = (kernel[axis] - 1) * dilation[axis] + 1
                before[axis] = max(0, (out[axis + 1] - 1) * strides[axis] + reach - x.shape[axis]) // 2
        for y, z, i, j in np.ndindex(*gathered.shape[:4]):
            row = y * strides[0] + i * dilation[0] - before[0]
            column = z * strides[1] + j * dilation[1] - before[1]
            if 0 <= row < x.shape[0] and 0 <= column < x.shape[1]:
                gathered[y, z, i, j] = x[row, column]
        return gathered

    def conv_2d(self, operator):
        w = self.value(operator.inputs[1])
        seen = self.windows(operator, self.centred(operator.inputs[0])[0], w.shape[1:3], 0)
        return self.rows(np.einsum("yxijc,oijc->yxo", seen, w)[np.newaxis], operator, "conv")

    def depthwise_conv_2d(self, operator):
        w = self.value(operator.inputs[1])
        x = self.centred(operator.inputs[0])[0]
        x = np.repeat(x, w.shape[3] // x.shape[-1], axis=-1)
        seen = self.windows(operator, x, w.shape[1:3], 0)
        return self.rows(np.einsum("yxijc,ijc->yxc", seen, w[0])[np.newaxis], operator, "conv")

    def pad(self, operator):
        zero = self.grid(operator.inputs[0])[1]
        return np.pad(self.value(operator.inputs[0]), self.value(operator.inputs[1]), constant_values=zero)

    def scaled(self, operator, real, activation=0):
        values = multiply(self.centred(operator.inputs[0]), quantize_multiplier(real), self.rounding)
        return self.clamp(values, operator.outputs[0], activation)

    def quantize(self, operator):
        return self.scaled(operator, float(self.grid(operator.inputs[0])[0]) / float(self.grid(operator.outputs[0])[0]))

    def relu(self, operator):
        source, target = self.grid(operator.inputs[0])[0], self.grid(operator.outputs[0])[0]
        return self.scaled(operator, ratio(source, 1, target, self.rounding), 1)

    def leaky_relu(self, operator):
        source, target = self.grid(operator.inputs[0])[0], self.grid(operator.outputs[0])[0]
        x = self.centred(operator.inputs[0])
        sides = [ratio(source, a, target, self.rounding) for a in (1, operator.builtinOptions.alpha)]
        above, below = (multiply(x, quantize_multiplier(real), self.rounding) for real in sides)
        return self.clamp(np.where(x >= 0, above, below), operator.outputs[0], 0)

    def add(self, operator, sign=1):
        scales = [float(self.grid(i)[0]) for i in operator.inputs]
        twice = 2 * max(scales)
        parts = [
            multiply(self.centred(i) << 20, quantize_multiplier(s / twice), self.rounding)
            for i, s in zip(operator.inputs, scales)
        ]
        real = twice / ((1 << 20) * float(self.grid(operator.outputs[0])[0]))
        total = multiply(parts[0] + sign * parts[1], quantize_multiplier(real), self.rounding)
        return self.clamp(total, operator.outputs[0], operator.builtinOptions.fusedActivationFunction)

    def sub(self, operator):
        return self.add(operator, -1)

    def mul(self, operator):
        a, b = operator.inputs
        real = ratio(self.grid(a)[0], self.grid(b)[0], self.grid(operator.outputs[0])[0], self.rounding)
        product = multiply(self.centred(a) * self.centred(b), quantize_multiplier(real), self.rounding)
        return self.clamp(product, operator.outputs[0], operator.builtinOptions.fusedActivationFunction)

    def mean(self, operator):
        x = self.centred(operator.inputs[0])
        count = x.shape[1] * x.shape[2]
        real = float(self.grid(operator.inputs[0])[0]) / float(self.grid(operator.outputs[0])[0])
        significand, exponent = quantize_multiplier(real)
        bits = min(count.bit_length() - 1, 32, 31 + exponent)
        multiplier = (significand << bits) // count, exponent - bits
        total = multiply(x.sum((1, 2)), multiplier, self.rounding)
        return self.clamp(total, operator.outputs[0], 0).reshape(self.tensor(operator.outputs[0]).shape)


def run(network, inputs, rounding):
    """Outputs of a network for each input; nothing when it has an operator or a type that is not here."""
    outputs = []
    for x in inputs:
        if x.dtype != np.int8:
            return None
        state = Run(network, rounding)
        state.values[0] = x.astype(np.int64)
        for operator in network.graph.operators:
            kernel = getattr(state, CODES[network.codes[operator.opcodeIndex].builtinCode].lower(), None)
            if kernel is None:
                return None
            state.values[operator.outputs[0]] = kernel(operator)
        outputs.append(state.values[network.graph.operators[-1].outputs[0]].astype(np.int8))
    return outputs
