"""Writes TensorFlow Lite files of one chain of operators, with the schema that ai-edge-litert ships."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
}

# Versions of the operators that take int8 (or, where it matters, int16): the interpreters look the kernel up by them.
VERSIONS = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "DEQUANTIZE": 2,
    "FULLY_CONNECTED": 4, "LEAKY_RELU": 2, "LOGISTIC": 2, "MAX_POOL_2D": 2, "MEAN": 2, "MUL": 2, "PAD": 2,
    "RELU": 2, "RELU6": 2, "SLICE": 2, "SOFTMAX": 2, "STRIDED_SLICE": 2, "SUB": 2, "TANH": 2,
}


class Network:
    """Tensors are numbered in the order in which they are added; the file's input is tensor 0."""

    def __init__(self):
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.inputs = [], [], [0]
        self.buffers = [schema.BufferT()]
        self.codes = []
        self.outputs = None
        # Of an input of float32, which is given as whole numbers of this; whether only the order of the scores is kept.
        self.resolution = None

    def tensor(self, shape, dtype, scale=None, zero_point=0, axis=0, data=None):
        """A tensor; `scale` is a number, an array for one a channel, or nothing."""
        tensor = schema.TensorT()
        tensor.shape, tensor.type = [int(n) for n in shape], TYPES[np.dtype(dtype)]
        tensor.name = f"t{len(self.graph.tensors)}"
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [float(s) for s in scales]
            tensor.quantization.zeroPoint = [int(zero_point)] * len(scales)
            tensor.quantization.quantizedDimension = axis
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.asarray(data, dtype).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, name, inputs, output, version=None, **options):
        """An operator; `options` are the fields of its options table, whose name is found by the operator's."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version or VERSIONS.get(name, 1)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.codes)
        self.codes.append(code)
        operator.inputs, operator.outputs = list(inputs), [output]
        kind = OPTIONS.get(name)
        if kind:
            table = getattr(schema, kind + "T")()
            for field, value in options.items():
                if not hasattr(table, field):
                    raise AttributeError(f"{kind} has no {field}")
                setattr(table, field, value)
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = table
        self.graph.operators.append(operator)
        return output

    def to_bytes(self):
        """The file; its output is what the last operator writes, but where `outputs` says otherwise."""
        model = schema.ModelT()
        model.version, model.description = 3, "written by a test of kinfer"
        self.graph.outputs = self.outputs or [self.graph.operators[-1].outputs[0]]
        model.subgraphs, model.buffers, model.operatorCodes = [self.graph], self.buffers, self.codes
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


OPTIONS = {
    "ADD": "AddOptions", "ARG_MAX": "ArgMaxOptions", "AVERAGE_POOL_2D": "Pool2DOptions", "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions", "FULLY_CONNECTED": "FullyConnectedOptions",
    "HARD_SWISH": "HardSwishOptions", "LEAKY_RELU": "LeakyReluOptions", "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions", "MUL": "MulOptions", "PAD": "PadOptions", "RESHAPE": "ReshapeOptions",
    "SLICE": "SliceOptions", "SOFTMAX": "SoftmaxOptions", "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions", "SUB": "SubOptions", "EXPAND_DIMS": "ExpandDimsOptions",
}
