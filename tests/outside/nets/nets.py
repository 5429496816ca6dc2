"""PyTorch models in both of its ONNX exporters, with what ONNX Runtime computes of them.

    nets.py FOLDER

Weights are random from a fixed seed, a model is a few layers. Each is exported by TorchScript (opset 13 and 17) and by
torch.export ("dynamo"), and run row by row in ONNX Runtime on the rows whose outputs are written. `cases.json` lists them:
inputs and outputs are float32, little-endian, row after row. Of a recurrent model the rows follow one another: its state
goes from each to the next. Models that end in Softmax or Sigmoid have beside it what these read, which is what is compared.
"""

import io
import json
import logging
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import nn
from torch.nn import functional as F

ROWS = 8

ACTIVATIONS = {
    "relu": nn.ReLU(), "relu6": nn.ReLU6(), "leaky": nn.LeakyReLU(0.2), "prelu": nn.PReLU(),
    "elu": nn.ELU(0.7), "selu": nn.SELU(), "celu": nn.CELU(1.3), "gelu": nn.GELU(), "gelu-tanh": nn.GELU("tanh"),
    "silu": nn.SiLU(), "mish": nn.Mish(), "hardswish": nn.Hardswish(), "hardsigmoid": nn.Hardsigmoid(),
    "hardtanh": nn.Hardtanh(-0.5, 0.8), "softplus": nn.Softplus(), "softsign": nn.Softsign(), "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(), "logsigmoid": nn.LogSigmoid(), "identity": nn.Identity(), "dropout": nn.Dropout(0.5),
}


def mlp(activation):
    return nn.Sequential(nn.Linear(6, 5), activation, nn.Linear(5, 4), activation, nn.Linear(4, 3))


class Functional(nn.Module):
    """A function of one layer's outputs, then another layer."""

    def __init__(self, function, width=5):
        super().__init__()
        self.first, self.function, self.last = nn.Linear(6, 5), function, nn.Linear(width, 3)

    def forward(self, x):
        return self.last(self.function(self.first(x)))


FUNCTIONS = {
    "prelu-each": lambda h: F.prelu(h, torch.tensor([0.1, 0.2, 0.3, -0.5, 1.0])),
    "clamp": lambda h: h.clamp(-0.25, 0.5),
    "clamp-min": lambda h: h.clamp(min=0.1),
    "square": lambda h: h**2 + h * h,
    "cube": lambda h: h.pow(3) / 4,
    "abs": torch.abs,
    "swish": lambda h: h * torch.sigmoid(h),
    "hard-swish": lambda h: h * F.relu6(h + 3) / 6,
    "gelu-written": lambda h: 0.5 * h * (1 + torch.erf(h / 2**0.5)),
    "gelu-tanh-written": lambda h: 0.5 * h * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (h + 0.044715 * h.pow(3)))),
    "mish-written": lambda h: h * torch.tanh(F.softplus(h)),
    "quick-gelu": lambda h: h * torch.sigmoid(1.702 * h),
    "maximum": lambda h: torch.maximum(h, -0.3 * h),
    "minimum": lambda h: torch.minimum(h, torch.ones(5) * 0.25),
    "reciprocal": lambda h: 1 / (h * h + 1),
    "root": lambda h: torch.sqrt(h * h + 0.5),
    "softmax": lambda h: torch.softmax(h, 1),
    "log-softmax": lambda h: torch.log_softmax(h, 1),
    "chunk": lambda h: torch.cat([h[:, 3:], h[:, :3] * 2], 1),
    "flip": lambda h: torch.flip(h, [1]),
    "glu": lambda h: F.pad(F.glu(h[:, :4], 1), (1, 2)),
    "mean": lambda h: h - h.mean(1, keepdim=True),
    "expand": lambda h: h.unsqueeze(2).expand(-1, -1, 3).reshape(h.shape[0], -1)[:, 2:7],
    "index": lambda h: h[:, [4, 0, 2, 2, 1]],
    "stack": lambda h: torch.stack([h, h * h], 1).sum(1),
}


class Normalised(nn.Module):
    """Raw counters, scaled in the model."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([10.0, 1e4, 3.0, 0.5, 100.0, 7.0]))
        self.register_buffer("deviation", torch.tensor([2.0, 3e3, 1.0, 0.25, 30.0, 2.0]))
        self.net = mlp(nn.ReLU())

    def forward(self, x):
        return self.net((x * self.deviation + self.mean - self.mean) / self.deviation)


def batch_norm(module):
    """Statistics as if it had been trained."""
    for layer in module.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    return module


def conv(inputs, outputs, kernel=3, activation=nn.ReLU, **options):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, bias=False, **options), nn.BatchNorm2d(outputs), activation())


def separable(inputs, outputs, stride=1):
    return nn.Sequential(
        conv(inputs, inputs, groups=inputs, padding=1, stride=stride), conv(inputs, outputs, kernel=1)
    )


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first, self.second = conv(channels, channels, padding=1), conv(channels, channels, padding=1)

    def forward(self, x):
        return F.relu(self.second(self.first(x)) + x)


class Joined(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first, self.second = conv(channels, 3, padding=1), conv(channels, 2, kernel=1)

    def forward(self, x):
        return torch.cat([self.first(x), self.second(x)], 1)


class Excited(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class Viewed(nn.Module):
    """x.view(x.size(0), -1), which traces as shape arithmetic."""

    def forward(self, x):
        return x.view(x.size(0), -1)


class Means(nn.Module):
    def forward(self, x):
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


class Shuffled(nn.Module):
    """ShuffleNet's reordering of channels."""

    def forward(self, x):
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def vision(*layers, width):
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width, 3))


IMAGES = {
    "conv": vision(conv(2, 4), conv(4, 3), width=48),
    "conv-bias-no-norm": vision(nn.Conv2d(2, 4, 3, padding=1), nn.GELU(), width=256),
    "conv-strided": vision(conv(2, 4, stride=2, padding=1), conv(4, 3, stride=2), width=3),
    "conv-dilated": vision(conv(2, 4, dilation=2, padding=2), width=256),
    "conv-rectangular": vision(conv(2, 4, kernel=(1, 3), padding=(0, 1)), conv(4, 2, kernel=(3, 1)), width=96),
    "conv-grouped": vision(conv(2, 4), conv(4, 6, groups=2), width=96),
    "conv-same": vision(nn.Conv2d(2, 3, 4, padding="same"), nn.SiLU(), width=192),
    "pools": vision(conv(2, 4, padding=1), nn.MaxPool2d(2), conv(4, 3, padding=1), nn.AvgPool2d(2), width=12),
    "pools-padded": vision(
        conv(2, 4), nn.MaxPool2d(3, 2, padding=1), nn.AvgPool2d(3, 1, padding=1, count_include_pad=False), width=36
    ),
    "pool-ceil": vision(conv(2, 4), nn.MaxPool2d(4, 3, ceil_mode=True), width=16),
    "pool-counted": vision(conv(2, 4), nn.AvgPool2d(3, 2, padding=1), width=36),
    "pool-global": vision(conv(2, 4), nn.AdaptiveAvgPool2d(1), width=4),
    "pool-adaptive": vision(conv(2, 4, padding=1), nn.AdaptiveAvgPool2d(2), width=16),
    "means": nn.Sequential(conv(2, 4), Means(), nn.Linear(8, 3)),
    "separable": vision(conv(2, 4), separable(4, 6), separable(6, 4, stride=2), nn.AdaptiveAvgPool2d(1), width=4),
    "residual": vision(conv(2, 4), Residual(4), Residual(4), nn.AdaptiveAvgPool2d(1), width=4),
    "joined": vision(conv(2, 4), Joined(4), conv(5, 2), width=32),
    "joined-flat": vision(conv(2, 4), Joined(4), width=180),
    "excited": vision(conv(2, 4, activation=nn.Hardswish), Excited(4), conv(4, 2), width=32),
    "shuffled": vision(conv(2, 4), Shuffled(), conv(4, 2, groups=2), width=32),
    "padded": vision(nn.ZeroPad2d((1, 0, 2, 1)), conv(2, 4), width=252),
    "viewed": nn.Sequential(conv(2, 4), Viewed(), nn.Linear(144, 3)),
    "norm-after": vision(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3), width=32),
    "norm-after-padded": vision(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3, padding=1), width=72),
    "dropout": vision(conv(2, 4), nn.Dropout2d(0.5), conv(4, 2), width=32),
}

SIGNALS = {
    "conv1d": nn.Sequential(
        nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 2, 3, dilation=2),
        nn.Flatten(), nn.Linear(4, 3),
    ),
    "conv1d-causal": nn.Sequential(
        nn.ConstantPad1d((2, 0), 0.0), nn.Conv1d(3, 4, 3), nn.SiLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)
    ),
    "conv1d-mean": nn.Sequential(nn.Conv1d(3, 4, 3), nn.Tanh(), nn.AvgPool1d(2, 2), nn.Flatten(), nn.Linear(20, 3)),
}


class Rows(nn.Module):
    """The same layer for each step of a window of history."""

    def __init__(self):
        super().__init__()
        self.each, self.last = nn.Linear(4, 3), nn.Linear(15, 3)

    def forward(self, x):
        return self.last(torch.relu(self.each(x)).flatten(1))


class Recurrent(nn.Module):
    """One step of a recurrent layer, whose state is an input and an output."""

    def __init__(self, kind, layers=1):
        super().__init__()
        self.cell = kind(4, 5, layers, batch_first=True)
        self.last = nn.Linear(5, 3)

    def forward(self, x, *state):
        out, after = self.cell(x, state if len(state) == 2 else state[0])
        return self.last(out[:, -1]), *(after if isinstance(after, tuple) else [after])


class Stateless(Recurrent):
    """The same from a state of zeros."""

    def forward(self, x):
        return self.last(self.cell(x)[0][:, -1])


class Tail(nn.Module):
    """Shares, and what they are shares of."""

    def __init__(self, tail, outputs):
        super().__init__()
        self.net, self.tail = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, outputs)), tail

    def forward(self, x):
        return self.tail(self.net(x))


class Autoencoder(nn.Module):
    """Its score is the error of reconstruction."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 6))

    def forward(self, x):
        return ((self.net(x) - x) ** 2).mean(1, keepdim=True)


def models():
    """Name, module, dimensions of a row, dimensions of its states."""
    for name, activation in ACTIVATIONS.items():
        yield f"mlp-{name}", mlp(activation), [6], []
    for name, function in FUNCTIONS.items():
        yield f"function-{name}", Functional(function), [6], []
    norm = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 3))
    yield "mlp-norm", norm, [6], []
    yield "mlp-normalised", Normalised(), [6], []
    yield "mlp-linear", nn.Sequential(nn.Linear(6, 20), nn.Linear(20, 3)), [6], []
    yield "autoencoder", Autoencoder(), [6], []
    for name, module in IMAGES.items():
        yield f"image-{name}", module, [2, 8, 8], []
    for name, module in SIGNALS.items():
        yield f"signal-{name}", module, [3, 12], []
    yield "rows", Rows(), [5, 4], []
    yield "gru", Recurrent(nn.GRU), [1, 4], [[1, 1, 5]]
    yield "lstm", Recurrent(nn.LSTM), [1, 4], [[1, 1, 5], [1, 1, 5]]
    yield "gru-two-layers", Recurrent(nn.GRU, 2), [1, 4], [[2, 1, 5]]
    yield "lstm-two-layers", Recurrent(nn.LSTM, 2), [1, 4], [[2, 1, 5], [2, 1, 5]]
    yield "gru-stateless", Stateless(nn.GRU), [1, 4], []
    yield "lstm-stateless", Stateless(nn.LSTM), [1, 4], []
    yield "tail-softmax", Tail(nn.Softmax(1), 3), [6], []
    yield "tail-log-softmax", Tail(nn.LogSoftmax(1), 3), [6], []
    yield "tail-sigmoid", Tail(nn.Sigmoid(), 1), [6], []


def export(module, inputs, names, exporter):
    """The bytes of the ONNX file."""
    outputs = ["y"] + [f"{name}.after" for name in names[1:]]
    path = Path("exported.onnx")
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        options = {"input_names": names, "output_names": outputs}
        if exporter == "dynamo":
            program = torch.onnx.export(module, inputs, dynamo=True, **options)
            program.save(str(path))
        else:
            axes = {"x": {0: "batch"}} if len(names) == 1 else None
            torch.onnx.export(module, inputs, str(path), dynamo=False, opset_version=int(exporter), dynamic_axes=axes, **options)
    data = path.read_bytes()
    path.unlink()
    return data


def run(data, x, states):
    """Outputs of the rows, one after the other."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    outputs = []
    for row in x:
        result = session.run(None, dict(zip(names, [row[None], *states])))
        outputs.append(result[0].reshape(-1))
        states = result[1:] if states else []
    return np.stack(outputs)


def main(folder):
    logging.disable(logging.WARNING)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    rng = np.random.default_rng(1)
    torch.manual_seed(1)
    for name, module, row, state_dims in models():
        batch_norm(module).eval()
        x = rng.normal(0, 1.5, (ROWS, *row)).astype(np.float32)
        states = [np.zeros(dims, np.float32) for dims in state_dims]
        inputs = (torch.from_numpy(x[:1]), *map(torch.from_numpy, states))
        names = ["x"] + [f"state{at}" for at in range(len(states))]
        exporters = ["17", "dynamo"] if name.startswith(("mlp", "function")) else ["13", "17", "dynamo"]
        for exporter in exporters:
            case = f"{name}.{exporter}"
            try:
                data = export(module, inputs, names, exporter)
            except Exception as error:  # what an exporter cannot write is no model to be read
                cases.append({"name": case, "unsupported": f"not exported: {type(error).__name__}: {str(error).splitlines()[0]}"})
                continue
            if isinstance(module, Stateless):
                rows = x[:1]  # the model forgets, a decision's caller does not
            else:
                rows = x
            y = run(data, rows, states)
            if name.startswith("tail"):
                with torch.no_grad():
                    y = module.net(torch.from_numpy(x)).numpy()
            (folder / f"{case}.onnx").write_bytes(data)
            rows.astype("<f4").tofile(folder / f"{case}.x")
            y.astype("<f4").tofile(folder / f"{case}.y")
            cases.append({"name": case, "rows": len(rows)})
    (folder / "cases.json").write_text(json.dumps(cases, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
