"""The side of the peers' line protocol (see peer.ts) that all Python peers share."""

import json
import os
import sys
import time

# Libraries print to stdout as they like; the protocol keeps the real one to itself.
_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


class Unavailable(Exception):
    """Raised by load() where the library is there but cannot compute as asked."""


def _answer(message):
    _answers.write(json.dumps(message) + "\n")
    _answers.flush()


def _limit_cpus(threads):
    """XLA sizes its pool by the CPUs it may run on and offers no other setting. Linux only."""
    if hasattr(os, "sched_setaffinity"):
        cpus = sorted(os.sched_getaffinity(0))
        if threads < len(cpus):
            os.sched_setaffinity(0, cpus[:threads])


def _shuffled_batches(count, batch_size, seed):
    """Endless index arrays (batch_size): a new permutation each epoch, its incomplete last batch left out."""
    import numpy

    random = numpy.random.default_rng(seed)
    while True:
        order = random.permutation(count)
        for start in range(0, count - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


def _parameters(config, numpy, file):
    """A start: [(name, array)] in the order of PyTorch's state_dict, each of its shape."""
    slab = numpy.fromfile(file, dtype="<f4")
    return [
        (entry["name"], slab[entry["offset"] : entry["offset"] + entry["length"]].reshape(entry["shape"]).copy())
        for entry in config["table"]
    ]


def _rows(numpy, file, inputs):
    """Float32 (count, inputs): bytes (.u8) divided by 255, floats (.f32) as they are."""
    if file.endswith(".f32"):
        return numpy.fromfile(file, dtype="<f4").reshape(-1, inputs)
    return numpy.fromfile(file, dtype=numpy.uint8).reshape(-1, inputs).astype(numpy.float32) / numpy.float32(255)


class _Epochs:
    """A run of whole epochs: all rows in a new order each, the incomplete last batch included, as Hourglass does."""

    def __init__(self, request, count, peer, numpy, config):
        self.count, self.batch_size, self.peer = count, request["batchSize"], peer
        self.random = numpy.random.default_rng(request["seed"])
        self.test = _rows(numpy, request["testFile"], config["inputs"])
        peer.begin(_parameters(config, numpy, request["parametersFile"]), {self.batch_size, count % self.batch_size} - {0})

    def run(self, rates):
        """Times the steps alone; the test error is computed after them."""
        start = time.perf_counter()
        order = self.random.permutation(self.count)
        batches = [order[i : i + self.batch_size] for i in range(0, self.count, self.batch_size)]
        loss = self.peer.epoch(batches, rates if isinstance(rates, list) else [rates] * len(batches))
        ms = (time.perf_counter() - start) * 1000
        return {"ms": ms, "loss": loss, "error": self.peer.error(self.test)}


def serve(load):
    """
    Runs a peer until its parent says quit or closes stdin.

    load(config, images, parameters) imports the library, or raises Unavailable, and returns (info, peer): images is float32
    (count, inputs) in [0, 1]. Every peer has train(batches), which takes one step for each index array of an iterable, gather
    included, waits until all is computed, and returns the loss of the last. One that can be raced to a test error has too:
    begin(parameters, sizes), which forgets all training and compiles what batches of those sizes need; epoch(batches, rates),
    which takes a step at each rate and returns the mean loss; error(rows), the mean squared error over rows.
    """
    config = json.loads(sys.stdin.readline())["start"]
    try:
        _limit_cpus(config["threads"])
        import numpy

        images = _rows(numpy, config["imagesFile"], config["inputs"])
        info, peer = load(config, images, _parameters(config, numpy, config["parametersFile"]))
    except ImportError as error:
        _answer({"unavailable": f"Python {sys.version.split()[0]} cannot import it: {error}"})
        return
    except Unavailable as error:
        _answer({"unavailable": str(error)})
        return
    info["runtime"] = f"Python {sys.version.split()[0]}"

    batch_size = config["batchSize"]
    replay = numpy.arange(config["replaySteps"] * batch_size) % config["count"]
    losses = [peer.train([batch]) for batch in replay.reshape(-1, batch_size)]
    _answer({"ready": info, "losses": losses})

    batches = {}
    epochs = None
    for line in sys.stdin:
        request = json.loads(line)
        if "quit" in request:
            return
        if "begin" in request:
            epochs = _Epochs(request["begin"], config["count"], peer, numpy, config)
            _answer({"begun": True})
        elif "epoch" in request:
            _answer(epochs.run(request["epoch"]["rates"]))
        else:
            steps, size = request["run"]["steps"], request["run"].get("batchSize", batch_size)
            if size not in batches:
                batches[size] = _shuffled_batches(config["count"], size, config["seed"])
            start = time.perf_counter()
            loss = peer.train(next(batches[size]) for _ in range(steps))
            _answer({"ms": (time.perf_counter() - start) * 1000, "loss": loss})
