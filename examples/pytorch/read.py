"""Reads a .pth file of Hourglass in PyTorch: python3 read.py [FILE]

The file is a plain state_dict, which torch.load opens with weights_only=True. What the network is beside its weights
stands in an entry that torch.load passes over: the activations, and how columns are scaled, which is left out here.
"""

import json
import sys
import zipfile

import torch

ACTIVATIONS = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "identity": torch.nn.Identity,
}

file = sys.argv[1] if len(sys.argv) > 1 else "digits.pth"
state = torch.load(file, weights_only=True)
with zipfile.ZipFile(file) as archive:
    [entry] = [name for name in archive.namelist() if name.endswith("hourglass/metadata.json")]
    network = json.loads(json.loads(archive.read(entry))["hourglass.network"])

layers = []
for layer in network["layers"]:
    layers += [torch.nn.Linear(layer["inputs"], layer["outputs"]), ACTIVATIONS[layer["activation"]]()]
model = torch.nn.Sequential(*layers)
model.load_state_dict(dict(zip(model.state_dict(), state.values())))

with torch.no_grad():
    black = model(torch.zeros(1, layers[0].in_features))
print(" -> ".join(str(layer.in_features) for layer in layers[::2]), "->", layers[-2].out_features)
print(f"mean of what it makes of zeros: {black.mean():.6f}")
