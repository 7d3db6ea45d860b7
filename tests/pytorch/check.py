"""The PyTorch side of `npm run test:pytorch`: opens Hourglass's files as a PyTorch user would.

    python3 check.py DIRECTORY

DIRECTORY holds for each NAME in cases.json: NAME.pth, NAME.safetensors, NAME.onnx, and in cases.json the images with
the reconstructions and codes that Hourglass computes. Prints one line of JSON: the largest differences found, or what
was skipped. Exit code 0 says that all was run, not that it agreed.
"""
import json
import sys
from pathlib import Path

import torch


ACTIVATIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


class Autoencoder(torch.nn.Module):
    def __init__(self, layers, code_layer):
        super().__init__()
        self.layers = layers
        self.code_layer = code_layer
        for layer in layers:
            self.add_module(layer["name"], torch.nn.Linear(layer["inputs"], layer["outputs"]))

    def forward(self, x):
        for index, layer in enumerate(self.layers):
            x = ACTIVATIONS[layer["activation"]](self.get_submodule(layer["name"])(x))
            if index == self.code_layer:
                codes = x
        return codes, x


def load_pth(path):
    return torch.load(path, weights_only=True)


def load_pth_mapped(path):
    return torch.load(path, weights_only=True, mmap=True)


def load_safetensors(path):
    from safetensors.torch import load_file

    return load_file(path)


def largest(found, expected):
    return (found - torch.tensor(expected, dtype=found.dtype).reshape(found.shape)).abs().max().item()


directory = Path(sys.argv[1])
results = []
skipped = set()
for case in json.loads((directory / "cases.json").read_text()):
    images = torch.tensor(case["images"], dtype=torch.float64).reshape(-1, case["layers"][0]["inputs"])
    for load, extension in [(load_pth, "pth"), (load_pth_mapped, "pth"), (load_safetensors, "safetensors")]:
        try:
            state = load(directory / f"{case['name']}.{extension}")
        except ImportError as error:
            skipped.add(f"{extension}: {error}")
            continue
        except TypeError as error:  # an older PyTorch, without mmap
            skipped.add(f"{load.__name__}: {error}")
            continue
        model = Autoencoder(case["layers"], case["codeLayer"]).double()
        model.load_state_dict(state)
        with torch.no_grad():
            codes, outputs = model(images)
        results.append(
            {
                "what": f"{case['name']}, {load.__name__}",
                "codes": largest(codes, case["codes"]),
                "reconstructions": largest(outputs, case["reconstructions"]),
            }
        )
    try:
        import onnx

        onnx.checker.check_model(onnx.load(directory / f"{case['name']}.onnx"), full_check=True)
        results.append({"what": f"{case['name']}, onnx.checker", "codes": 0, "reconstructions": 0})
    except ImportError as error:
        skipped.add(f"onnx: {error}")

print(json.dumps({"torch": torch.__version__, "results": results, "skipped": sorted(skipped)}))
