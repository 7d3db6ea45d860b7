"""What `npm run train -- -z 8 -e 1` does, in PyTorch with the images already in memory: for `npm run bench -- --process`.

Arguments: training images and test images (raw bytes), file of the weights, threads. One epoch of shuffled minibatches of
256, the error over the test images, weights and optimizer state to files; no plot. Prints the peak resident memory in bytes.
"""

import sys

try:
    import torch
    from torch import nn
except ImportError as error:
    print(f"unavailable: {error}")
    sys.exit(0)

INPUTS, HIDDEN, BOTTLENECK, BATCH_SIZE = 784, 392, 8, 256


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(INPUTS, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, BOTTLENECK)
        self.fc3 = nn.Linear(BOTTLENECK, HIDDEN)
        self.fc4 = nn.Linear(HIDDEN, INPUTS)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        x = torch.relu(self.fc3(x))
        return torch.sigmoid(self.fc4(x))


def load(file):
    with open(file, "rb") as images:
        data = bytearray(images.read())
    return torch.frombuffer(data, dtype=torch.uint8).view(-1, INPUTS).float().div_(255)


def peak_memory_bytes():
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main():
    train_file, test_file, weights_file, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    train, test = load(train_file), load(test_file)
    model = Autoencoder()
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.constant_(parameter, 0.01)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-5)
    losses = []
    for indices in torch.randperm(len(train)).split(BATCH_SIZE):
        batch = train[indices]
        loss = nn.functional.mse_loss(model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        errors = [nn.functional.mse_loss(model(part), part).item() * len(part) for part in test.split(2048)]
    torch.save(model.state_dict(), weights_file)
    torch.save(optimizer.state_dict(), weights_file + ".optimizer")
    print(torch.__version__, sum(losses) / len(losses), sum(errors) / len(test), peak_memory_bytes())


main()
