"""Random int8 models, what two interpreters make of random inputs, and both written down for the engine.

    generate.py FOLDER [--seed N] [--inputs N]

For each case FOLDER has NAME.tflite and NAME.json: the inputs, and the outputs by rounding. "double" is PyPI's tflite-micro; "litert" is LiteRT with its
reference kernels (BUILTIN_REF); "single" is `reference.py`, whose "double" has to be tflite-micro's, and whose "single" has to be what LiteRT computes by
default (XNNPACK) in dense layers and convolutions. An interpreter that refuses a model is left out of its case, and named in `refused`; a case that both
refuse is an error.
"""

import argparse
import json
import pathlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

import cases
import reference


def micro(model, inputs):
    """tflite-micro."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 22)
    outputs = []
    for x in inputs:
        interpreter.set_input(x, 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0))
    return outputs


def litert(model, inputs, kind=OpResolverType.BUILTIN_REF):
    """LiteRT, by default with its reference kernels."""
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=kind, num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    outputs = []
    for x in inputs:
        interpreter.set_tensor(source, x)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target))
    return outputs


INTERPRETERS = {"double": micro, "litert": litert}


def record(name, model, inputs, folder, network=None):
    """Runs a model on both interpreters, and on the reference where that has its operators, and writes the case."""
    case = {"inputs": [x.flatten().tolist() for x in inputs], "outputs": {}, "refused": {}}
    if network and network.resolution:
        case["resolution"] = network.resolution
        case["inputs"] = [np.rint(x.flatten() / network.resolution).astype(int).tolist() for x in inputs]
    for rounding, run in INTERPRETERS.items():
        try:
            case["outputs"][rounding] = [y.flatten().tolist() for y in run(model, inputs)]
        except (RuntimeError, ValueError) as error:
            case["refused"][rounding] = str(error)
    if not case["outputs"]:
        raise SystemExit(f"{name}: both interpreters refuse it: {case['refused']}")
    for rounding in ["double", "single"] if network else []:
        outputs = reference.run(network, inputs, rounding)
        if outputs is not None:
            outputs = [y.flatten().tolist() for y in outputs]
            if case["outputs"].setdefault(rounding, outputs) != outputs:
                raise SystemExit(f"{name}: the reference is not tflite-micro: {outputs} {case['outputs'][rounding]}")
    (folder / f"{name}.tflite").write_bytes(model)
    (folder / f"{name}.json").write_text(json.dumps(case))
    return case


def differing(outputs, others):
    """Elements that differ, and all of them."""
    pairs = [(a, b) for x, y in zip(outputs, others) for a, b in zip(x, y)]
    return np.array([sum(a != b for a, b in pairs), len(pairs)])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--inputs", type=int, default=24)
    arguments.add_argument("--published", type=pathlib.Path, action="append", default=[])
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    refused, delegated = 0, np.array([0, 0])
    for name, network, draw in cases.all_cases(rng):
        inputs = [draw(rng) for _ in range(options.inputs)]
        case = record(name, network.to_bytes(), inputs, options.folder, network)
        refused += len(case["refused"])
        if "single" in case["outputs"] and name.startswith(("dense", "conv", "depthwise")):
            outputs = litert(network.to_bytes(), inputs, OpResolverType.BUILTIN)
            delegated += differing(case["outputs"]["single"], [y.flatten().tolist() for y in outputs])
    for path in options.published:
        model = path.read_bytes()
        details = Interpreter(model_content=model).get_input_details()[0]
        shape, limits = details["shape"], np.iinfo(details["dtype"])
        inputs = [rng.integers(limits.min, limits.max + 1, shape).astype(details["dtype"]) for _ in range(3)]
        record(path.stem, model, inputs, options.folder)
    # Its factor is a float: a sum next to a tie may go the other way.
    if delegated[1] < 50_000 or delegated[0] * 20_000 > delegated[1]:
        raise SystemExit(f"XNNPACK: {delegated[0]} of {delegated[1]} elements differ from one rounding")
    print(f"{len(list(options.folder.glob('*.tflite')))} models, {refused} refusals by an interpreter")
    print(f"XNNPACK: {delegated[0]} of {delegated[1]} elements differ from one rounding")


if __name__ == "__main__":
    main()
