"""PyTorch in eager mode on the CPU or, variants cuda and cuda-fused, on the GPU; images in memory there as floats."""

from protocol import Unavailable, serve


def load(config, images, parameters):
    import torch
    from torch import nn

    device = "cuda" if config["variant"].startswith("cuda") else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise Unavailable("torch.cuda finds no GPU")
    torch.set_num_threads(config["threads"])
    inputs, hidden, bottleneck = config["inputs"], config["hidden"], config["bottleneck"]

    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(inputs, hidden)
            self.fc2 = nn.Linear(hidden, bottleneck)
            self.fc3 = nn.Linear(bottleneck, hidden)
            self.fc4 = nn.Linear(hidden, inputs)

        def forward(self, x):
            x = torch.relu(self.fc1(x))
            x = torch.relu(self.fc2(x))
            x = torch.relu(self.fc3(x))
            return torch.sigmoid(self.fc4(x))

    model = Autoencoder().to(device)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in parameters})
    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=config["learningRate"],
        betas=(config["beta1"], config["beta2"]),
        eps=config["epsilon"],
        weight_decay=config["weightDecay"],
        fused=config["variant"].endswith("fused"),
    )
    images = torch.from_numpy(images).to(device)

    def train(batches):
        for indices in batches:
            batch = images.index_select(0, torch.from_numpy(indices).to(device, non_blocking=True))
            loss = nn.functional.mse_loss(model(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        # Waits until all is computed.
        return loss.item()

    info = {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "instructions": torch.cuda.get_device_name() if device == "cuda" else torch.backends.cpu.get_cpu_capability(),
    }
    return info, train


serve(load)
