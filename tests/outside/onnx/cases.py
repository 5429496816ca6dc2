"""What a maker of cases writes into a folder: ONNX files, inputs, and the outputs that something else gives for them.

`cases.json` is a list; each case names a model, the number of its rows and what a unit of its raw counters is in the
graph's input. Inputs are raw counters of 64 bits, outputs integers or floats of 32, all little-endian, row after row.
"""

import json
from pathlib import Path

import numpy as np


class Folder:
    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.cases = []

    def add(self, name, model, counters=None, resolution=1.0, outputs=None, **facts):
        """`outputs` has for each way of computing them an array of integers or of float32 with a row a row of `counters`."""
        case = {"name": name, "model": f"{name}.onnx", "resolution": resolution, "outputs": {}, **facts}
        (self.path / case["model"]).write_bytes(model.SerializeToString())
        if counters is not None:
            counters = np.asarray(counters).reshape(len(counters), -1)
            case |= {"rows": counters.shape[0], "width": counters.shape[1], "counters": f"{name}.counters"}
            counters.astype("<i8").tofile(self.path / case["counters"])
        for way, values in (outputs or {}).items():
            values = np.asarray(values)
            kind = "floats" if values.dtype.kind == "f" else "integers"
            file = f"{name}.{way}"
            values.astype("<f4" if kind == "floats" else "<i4").tofile(self.path / file)
            case["outputs"][way] = {"file": file, "kind": kind}
        self.cases.append(case)

    def close(self):
        (self.path / "cases.json").write_text(json.dumps(self.cases, indent=1))
