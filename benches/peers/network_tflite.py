"""An int8 .tflite file of a float network: network_tflite.py network.json model.tflite.

Scales are per tensor, as MicroFlow wants them; ReLU is fused, with a zero point of -128.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

import flatbuffers
import numpy
import tflite

FULLY_CONNECTED = tflite.BuiltinOperator.FULLY_CONNECTED


class Writer:
    """Tables are made children first, as flatbuffers wants it."""

    def __init__(self):
        self.builder = flatbuffers.Builder(1 << 16)
        self.tensors = []
        self.operators = []
        self.buffers = [self.table("Buffer")]

    def table(self, name, **fields):
        module = import_module("tflite." + name)  # tflite.NAME is the class that reads it
        module.Start(self.builder)
        for name, value in fields.items():
            getattr(module, "Add" + name)(self.builder, value)
        return module.End(self.builder)

    def vector(self, values, dtype):
        return self.builder.CreateNumpyVector(numpy.array(values, dtype=dtype))

    def offsets(self, offsets):
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()

    def tensor(self, name, shape, kind, scale, zero_point, data=None):
        buffer = 0
        if data is not None:
            self.buffers.append(self.table("Buffer", Data=self.vector(numpy.frombuffer(data.tobytes(), "uint8"), "uint8")))
            buffer = len(self.buffers) - 1
        quantization = self.table("QuantizationParameters", Scale=self.vector([scale], "float32"),
                                  ZeroPoint=self.vector([zero_point], "int64"))
        self.tensors.append(self.table("Tensor", Shape=self.vector(shape, "int32"), Type=kind, Buffer=buffer,
                                       Name=self.builder.CreateString(name), Quantization=quantization))
        return len(self.tensors) - 1

    def fully_connected(self, inputs, output, activation):
        options = self.table("FullyConnectedOptions", FusedActivationFunction=activation)
        self.operators.append(self.table(
            "Operator", OpcodeIndex=0, Inputs=self.vector(inputs, "int32"), Outputs=self.vector([output], "int32"),
            BuiltinOptionsType=tflite.BuiltinOptions.FullyConnectedOptions, BuiltinOptions=options))

    def finish(self, inputs, outputs):
        tensors, operators = self.offsets(self.tensors), self.offsets(self.operators)
        graph = self.table("SubGraph", Tensors=tensors, Inputs=self.vector([inputs], "int32"),
                           Outputs=self.vector([outputs], "int32"), Operators=operators)
        code = self.table("OperatorCode", DeprecatedBuiltinCode=FULLY_CONNECTED, Version=1, BuiltinCode=FULLY_CONNECTED)
        codes, graphs, buffers = self.offsets([code]), self.offsets([graph]), self.offsets(self.buffers)
        model = self.table("Model", Version=3, OperatorCodes=codes, Subgraphs=graphs, Buffers=buffers)
        self.builder.Finish(model, b"TFL3")
        return self.builder.Output()


def convert(network):
    writer, layers = Writer(), network["layers"]
    scale = layers[0]["input_scale"]
    first = at = writer.tensor("x", [1, layers[0]["inputs"]], tflite.TensorType.INT8, scale, 0)
    for index, layer in enumerate(layers):
        weights = numpy.array(layer["weights"], "float64").reshape(layer["outputs"], layer["inputs"])
        step = abs(weights).max() / 127
        w = writer.tensor(f"w{index}", weights.shape, tflite.TensorType.INT8, step, 0,
                          numpy.rint(weights / step).astype("int8"))
        biases = numpy.rint(numpy.array(layer["biases"], "float64") / (scale * step)).astype("int32")
        b = writer.tensor(f"b{index}", biases.shape, tflite.TensorType.INT32, scale * step, 0, biases)
        score = layer["activation"] == "Score"
        scale = network["top"] / 127 if score else layer["output_scale"] * 127 / 255
        output = writer.tensor(f"out{index}", [1, layer["outputs"]], tflite.TensorType.INT8, scale, 0 if score else -128)
        functions = tflite.ActivationFunctionType
        writer.fully_connected([at, w, b], output, functions.NONE if score else functions.RELU)
        at = output
    return writer.finish(first, at)


source, target = map(Path, sys.argv[1:])
target.write_bytes(convert(json.loads(source.read_text())))
