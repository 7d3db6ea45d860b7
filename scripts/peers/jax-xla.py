"""
JAX on the CPU or, variants cuda…, on the GPU in float32 throughout: the whole step, gather and Adam included, is one XLA
program; for cuda-scan so many steps are.
"""

import os
from types import SimpleNamespace

from protocol import Unavailable, serve

SCANNED_STEPS = 64


def load(config, images, parameters):
    on_gpu = config["variant"].startswith("cuda")
    # Without this JAX takes the accelerator that it finds.
    os.environ["JAX_PLATFORMS"] = "cuda" if on_gpu else "cpu"
    # The other peers need memory of the same card, of which JAX takes three quarters at its start.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax
    import jax.numpy as jnp
    import numpy

    if on_gpu:
        try:
            jax.devices("cuda")
        except (RuntimeError, AssertionError) as error:
            raise Unavailable(f"jax finds no GPU: {error}") from None
        # Products of float32 are TF32's otherwise.
        jax.config.update("jax_default_matmul_precision", "highest")

    beta1, beta2 = config["beta1"], config["beta2"]
    images = jnp.asarray(images)
    latent = jax.nn.relu if config["latentActivation"] == "relu" else lambda x: x

    def reconstruct(parameters, x):
        w1, b1, w2, b2, w3, b3, w4, b4 = parameters
        x = jax.nn.relu(x @ w1.T + b1)
        x = latent(x @ w2.T + b2)
        x = jax.nn.relu(x @ w3.T + b3)
        return jax.nn.sigmoid(x @ w4.T + b4)

    def mean_squared_error(parameters, x):
        return jnp.mean((reconstruct(parameters, x) - x) ** 2)

    def step(state, images, indices, learning_rate=config["learningRate"]):
        parameters, firsts, seconds, steps = state
        steps = steps + 1
        loss, gradients = jax.value_and_grad(mean_squared_error)(parameters, images[indices])
        gradients = [g + config["weightDecay"] * p for g, p in zip(gradients, parameters)]
        firsts = [beta1 * m + (1 - beta1) * g for m, g in zip(firsts, gradients)]
        seconds = [beta2 * v + (1 - beta2) * g * g for v, g in zip(seconds, gradients)]
        rate = learning_rate / (1 - beta1**steps)
        root = jnp.sqrt(1 - beta2**steps)
        parameters = [
            p - rate * m / (jnp.sqrt(v) / root + config["epsilon"])
            for p, m, v in zip(parameters, firsts, seconds)
        ]
        return (parameters, firsts, seconds, steps), loss

    def summed_step(state, total, images, indices, learning_rate):
        state, loss = step(state, images, indices, learning_rate)
        return state, total + loss

    summed_step = jax.jit(summed_step, donate_argnums=(0, 1))
    one_step = jax.jit(lambda state, images, indices: step(state, images, indices), donate_argnums=0)
    many_steps = jax.jit(
        lambda state, images, batches: jax.lax.scan(lambda state, batch: step(state, images, batch), state, batches),
        donate_argnums=0,
    )
    error_of = jax.jit(mean_squared_error)
    state = None

    def start(parameters):
        nonlocal state
        # Copies: the step takes these buffers for its own.
        values = [jnp.array(value) for _, value in parameters]
        state = (values, [jnp.zeros_like(v) for v in values], [jnp.zeros_like(v) for v in values], jnp.float32(0))

    def train(batches):
        nonlocal state
        for indices in batches:
            state, loss = one_step(state, images, indices.astype("int32"))
        jax.block_until_ready(state)
        return float(loss)

    def train_scanned(batches):
        nonlocal state
        indices = numpy.stack(list(batches)).astype("int32")
        whole = len(indices) // SCANNED_STEPS * SCANNED_STEPS
        for first in range(0, whole, SCANNED_STEPS):
            state, losses = many_steps(state, images, indices[first : first + SCANNED_STEPS])
        rest = train(indices[whole:]) if whole < len(indices) else None
        jax.block_until_ready(state)
        return rest if rest is not None else float(losses[-1])

    def begin(parameters, sizes):
        start(parameters)
        for size in sizes:
            epoch([numpy.arange(size)], [config["learningRate"]])
        start(parameters)

    def epoch(batches, rates):
        nonlocal state
        total = jnp.float32(0)
        for indices, rate in zip(batches, rates):
            state, total = summed_step(state, total, images, indices.astype("int32"), numpy.float32(rate))
        jax.block_until_ready(state)
        return float(total) / len(batches)

    def error(rows):
        return float(error_of(state[0], jnp.asarray(rows)))

    start(parameters)
    info = {
        "version": jax.__version__,
        "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }
    if on_gpu:
        info["instructions"] = jax.devices()[0].device_kind
    chosen = train_scanned if config["variant"] == "cuda-scan" else train
    return info, SimpleNamespace(train=chosen, begin=begin, epoch=epoch, error=error)


serve(load)
