"""PyTorch in eager mode on the CPU, images in memory as floats."""

from protocol import serve


def load(config, images, parameters):
    import torch
    from torch import nn

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

    model = Autoencoder()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in parameters})
    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=config["learningRate"],
        betas=(config["beta1"], config["beta2"]),
        eps=config["epsilon"],
        weight_decay=config["weightDecay"],
        fused=config["variant"] == "fused",
    )
    images = torch.from_numpy(images)

    def train(batches):
        for indices in batches:
            batch = images.index_select(0, torch.from_numpy(indices))
            loss = nn.functional.mse_loss(model(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    info = {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }
    return info, train


serve(load)
