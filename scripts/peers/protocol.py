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


def _parameters(config, numpy):
    """The common start: [(name, array)] in the order of PyTorch's state_dict, each of its shape."""
    slab = numpy.fromfile(config["parametersFile"], dtype="<f4")
    return [
        (entry["name"], slab[entry["offset"] : entry["offset"] + entry["length"]].reshape(entry["shape"]).copy())
        for entry in config["table"]
    ]


def serve(load):
    """
    Runs a peer until its parent says quit or closes stdin.

    load(config, images, parameters) imports the library, or raises Unavailable, and returns (info, train): images is float32
    (count, inputs) in [0, 1]; train(batches) takes one step for each index array of an iterable, gather
    included, waits until all is computed, and returns the loss of the last.
    """
    config = json.loads(sys.stdin.readline())["start"]
    try:
        _limit_cpus(config["threads"])
        import numpy

        images = numpy.fromfile(config["imagesFile"], dtype=numpy.uint8)
        images = images.reshape(config["count"], config["inputs"]).astype(numpy.float32) / numpy.float32(255)
        info, train = load(config, images, _parameters(config, numpy))
    except ImportError as error:
        _answer({"unavailable": f"{sys.executable} cannot import it: {error}"})
        return
    except Unavailable as error:
        _answer({"unavailable": str(error)})
        return
    info["runtime"] = f"Python {sys.version.split()[0]}"

    batch_size = config["batchSize"]
    replay = numpy.arange(config["replaySteps"] * batch_size) % config["count"]
    losses = [train([batch]) for batch in replay.reshape(-1, batch_size)]
    _answer({"ready": info, "losses": losses})

    batches = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "quit" in request:
            return
        steps, size = request["run"]["steps"], request["run"].get("batchSize", batch_size)
        if size not in batches:
            batches[size] = _shuffled_batches(config["count"], size, config["seed"])
        start = time.perf_counter()
        loss = train(next(batches[size]) for _ in range(steps))
        _answer({"ms": (time.perf_counter() - start) * 1000, "loss": loss})
