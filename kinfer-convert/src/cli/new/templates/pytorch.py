"""Trains a small network with PyTorch on raw counters, and exports it for kinfer."""

import torch

import prepare

# Units of the features, by name; what is not here is a plain number.
UNITS = {}
HIDDEN = (32, 16)
EPOCHS = 60
BATCH = 256


class Network(torch.nn.Module):
    """Normalisation belongs to the model: a kernel hands over raw counters."""

    def __init__(self, x, classes):
        super().__init__()
        deviation = x.std(dim=0)
        self.register_buffer("mean", x.mean(dim=0))
        self.register_buffer("deviation", torch.where(deviation > 0, deviation, torch.ones_like(deviation)))
        widths = (x.shape[1], *HIDDEN)
        layers = [layer for a, b in zip(widths, widths[1:]) for layer in (torch.nn.Linear(a, b), torch.nn.ReLU())]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], classes))

    def forward(self, features):
        return self.layers((features - self.mean) / self.deviation)


def train(part, classes):
    torch.manual_seed(prepare.SEED)
    x, y = torch.from_numpy(part.x), torch.from_numpy(part.y)
    model = Network(x, classes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-5)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(y)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    return model.eval()


def export(model, features):
    example = (torch.zeros(2, features),)
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        model, example, input_names=["features"], output_names=["scores"], dynamic_shapes=({0: batch},), dynamo=True
    )
    return program.model_proto


def main():
    arguments = prepare.arguments(__doc__)
    table = prepare.read(arguments.data, arguments.label)
    parts = table.split(arguments.shuffle)
    model = train(parts[0], len(table.outcomes))

    def decided(x):
        with torch.no_grad():
            return model(torch.from_numpy(x)).argmax(dim=1).numpy()

    prepare.finish(export(model, len(table.names)), table, parts, decided, UNITS, arguments.out)


if __name__ == "__main__":
    main()
