"""
PyTorch on the CPU or, variants cuda…, on the GPU, with the images in memory there as floats; eager, or the loss compiled
(compile), or the whole step captured once and replayed (graph). In float32 throughout, but for tf32.
"""

from types import SimpleNamespace

from protocol import Unavailable, serve


def graphed(torch, step, optimizer, images):
    """step(batch) as a CUDA graph, one for each batch size; undoes the steps that warming up and capturing take."""
    graphs = {}

    def capture(batch):
        static = batch.clone()
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        kept = [p.detach().clone() for p in parameters]
        state = {p: {k: v.clone() for k, v in optimizer.state[p].items()} for p in parameters}
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                step(static)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = step(static)
        with torch.no_grad():
            for p, value in zip(parameters, kept):
                p.copy_(value)
                for key, held in optimizer.state[p].items():
                    held.copy_(state[p][key]) if key in state[p] else held.zero_()
        return graph, static, loss

    def replay(batch):
        if len(batch) not in graphs:
            graphs[len(batch)] = capture(batch)
        graph, static, loss = graphs[len(batch)]
        static.copy_(batch)
        graph.replay()
        return loss

    return replay


def load(config, images, parameters):
    import numpy
    import torch
    from torch import nn

    variant = config["variant"]
    device = "cuda" if variant.startswith("cuda") else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise Unavailable("torch.cuda finds no GPU")
    torch.backends.cuda.matmul.allow_tf32 = "tf32" in variant
    if "flush" in variant:
        # Before there are other threads, which inherit it.
        torch.set_flush_denormal(True)
    torch.set_num_threads(config["threads"])
    inputs, hidden, bottleneck = config["inputs"], config["hidden"], config["bottleneck"]
    latent = torch.relu if config["latentActivation"] == "relu" else lambda x: x

    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(inputs, hidden)
            self.fc2 = nn.Linear(hidden, bottleneck)
            self.fc3 = nn.Linear(bottleneck, hidden)
            self.fc4 = nn.Linear(hidden, inputs)

        def forward(self, x):
            x = torch.relu(self.fc1(x))
            x = latent(self.fc2(x))
            x = torch.relu(self.fc3(x))
            return torch.sigmoid(self.fc4(x))

    model = Autoencoder().to(device)

    def begin(parameters, sizes):
        model.load_state_dict({name: torch.from_numpy(value) for name, value in parameters})
        optimizer.state.clear()

    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=config["learningRate"],
        betas=(config["beta1"], config["beta2"]),
        eps=config["epsilon"],
        weight_decay=config["weightDecay"],
        fused="fused" in variant,
        capturable="graph" in variant,
    )
    begin(parameters, ())
    images = torch.from_numpy(images).to(device)

    def loss_of(batch):
        return nn.functional.mse_loss(model(batch), batch)

    if "compile" in variant:
        # CUDA graphs inside.
        loss_of = torch.compile(loss_of, mode="reduce-overhead", dynamic=False)

    def step(batch):
        loss = loss_of(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    if "graph" in variant:
        step = graphed(torch, step, optimizer, images)

    def train(batches):
        # All indices in one copy, as in ours.
        indices = torch.from_numpy(numpy.stack(list(batches))).to(device)
        for i in range(len(indices)):
            loss = step(images.index_select(0, indices[i]))
        # Waits until all is computed.
        return loss.item()

    def epoch(batches, rates):
        total = torch.zeros((), device=device)
        for batch, rate in zip(batches, rates):
            for group in optimizer.param_groups:
                group["lr"] = rate
            total += step(images.index_select(0, torch.from_numpy(batch).to(device))).detach()
        # Waits until all is computed.
        return total.item() / len(batches)

    def error(rows):
        with torch.no_grad():
            return loss_of(torch.from_numpy(rows).to(device)).item()

    info = {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "instructions": torch.cuda.get_device_name() if device == "cuda" else torch.backends.cpu.get_cpu_capability(),
    }
    return info, SimpleNamespace(train=train, begin=begin, epoch=epoch, error=error)


serve(load)
