"""Reads a .pth file of Hourglass in PyTorch: python3 read.py [FILE]

The file is a plain state_dict, which torch.load opens with weights_only=True. Any chain of Linear layers will do;
the activations are those that the model was trained with (ReLU, and sigmoid at the end, unless asked for others).
"""

import sys

import torch

state = torch.load(sys.argv[1] if len(sys.argv) > 1 else "digits.pth", weights_only=True)
names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]

layers = []
for name in names:
    outputs, inputs = state[f"{name}.weight"].shape
    layers += [torch.nn.Linear(inputs, outputs), torch.nn.Sigmoid() if name == names[-1] else torch.nn.ReLU()]
model = torch.nn.Sequential(*layers)
model.load_state_dict(dict(zip(model.state_dict(), state.values())))

with torch.no_grad():
    black = model(torch.zeros(1, layers[0].in_features))
print(" -> ".join(str(layer.in_features) for layer in layers[::2]), "->", layers[-2].out_features)
print(f"mean of what it makes of a black image: {black.mean():.6f}")
