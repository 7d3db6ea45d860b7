"""Writes tests/fixtures/interop/small: files as PyTorch and safetensors write them, and what they hold.

    python3 tests/pytorch/make_fixtures.py tests/fixtures/interop/small

A 5-4-2-4-5 autoencoder; every value tells its tensor and index, and bfloat16 holds it exactly enough to be compared
with what PyTorch reads back (expected.json).
"""
import json
import os
import sys
import zipfile
from collections import OrderedDict

import torch
from safetensors.torch import save_file

SHAPES = [("fc1", 4, 5), ("fc2", 2, 4), ("fc3", 4, 2), ("fc4", 5, 4)]
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
expected = {}


def state_dict():
    tensors = OrderedDict()
    for layer, (name, outputs, inputs) in enumerate(SHAPES):
        index = torch.arange(outputs * inputs, dtype=torch.float32).reshape(outputs, inputs)
        tensors[f"{name}.weight"] = (index - 7.3) / (layer + 3)
        tensors[f"{name}.bias"] = torch.arange(outputs, dtype=torch.float32) * 0.1 - layer
    return tensors


def note(file, tensors):
    expected[file] = {
        name: {"shape": list(t.shape), "values": t.detach().double().flatten().tolist()}
        for name, t in tensors.items()
    }


def save(file, tensors, value=None):
    torch.save(tensors if value is None else value, os.path.join(folder, file))
    note(file, tensors)


plain = state_dict()
save("plain.pth", plain)
for file, dtype in [("float16", torch.float16), ("bfloat16", torch.bfloat16), ("float64", torch.float64)]:
    save(f"{file}.pth", OrderedDict((name, t.to(dtype)) for name, t in plain.items()))

# Views: transposed, every second element, one row of a matrix, and all of them in one storage.
everything = torch.arange(400, dtype=torch.float32) / 16 - 11
views = OrderedDict()
for layer, (name, outputs, inputs) in enumerate(SHAPES):
    matrix = everything[40 * layer : 40 * layer + 2 * outputs * inputs]
    views[f"{name}.weight"] = matrix[::2].reshape(inputs, outputs).t()
    views[f"{name}.bias"] = everything[200 + layer :: 7][:outputs]
save("strided.pth", views)

save("parameters.pth", OrderedDict((name, torch.nn.Parameter(t)) for name, t in plain.items()))
note("module-prefix.pth", plain)
torch.save(OrderedDict((f"module._orig_mod.{n}", t) for n, t in plain.items()), f"{folder}/module-prefix.pth")

model = torch.nn.ParameterDict({name.replace(".", "_"): t.clone() for name, t in plain.items()})
optimizer = torch.optim.Adam(model.parameters(), weight_decay=1e-5)
sum(t.square().sum() for t in model.parameters()).backward()
optimizer.step()
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
save(
    "checkpoint.pth",
    plain,
    {
        "epoch": 3,
        "images_seen": 2**40,
        "loss": 0.125,
        "history": [0.5, None, True, ("a", "b", "c", "d"), {}],
        "model_state_dict": plain,
        "optimizer_state_dict": optimizer.state_dict(),
        "note": "naïve",
    },
)

with zipfile.ZipFile(f"{folder}/plain.pth") as stored, zipfile.ZipFile(
    f"{folder}/deflated.pth", "w", zipfile.ZIP_DEFLATED
) as deflated:
    for name in stored.namelist():
        deflated.writestr(zipfile.ZipInfo(name), stored.read(name), zipfile.ZIP_DEFLATED)
note("deflated.pth", plain)


class AsksForSystem:
    def __reduce__(self):
        return os.system, ("echo executed",)


torch.save({"fc1.weight": AsksForSystem()}, f"{folder}/os-system.pth")
torch.save(plain, f"{folder}/legacy.pth", _use_new_zipfile_serialization=False)

save_file(plain, f"{folder}/plain.safetensors", metadata={"format": "pt", "by": "safetensors"})
note("plain.safetensors", plain)
mixed = {"half": torch.tensor([1.5, -2.0]).half(), "flag": torch.tensor([True]), "count": torch.tensor(-5)}
save_file(mixed, f"{folder}/mixed.safetensors")
note("mixed.safetensors", mixed)

with open(f"{folder}/expected.json", "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")
