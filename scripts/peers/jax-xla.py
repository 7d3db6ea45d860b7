"""JAX on the CPU: the whole step, gather and Adam included, is one XLA program."""

import os

# Without this JAX looks for accelerators first.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from types import SimpleNamespace

from protocol import serve


def load(config, images, parameters):
    import jax
    import jax.numpy as jnp
    import numpy

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
    return info, SimpleNamespace(train=train, begin=begin, epoch=epoch, error=error)


serve(load)
