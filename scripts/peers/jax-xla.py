"""JAX on the CPU: the whole step, gather and Adam included, is one XLA program."""

import os

# Without this JAX looks for accelerators first.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from protocol import serve


def load(config, images, parameters):
    import jax
    import jax.numpy as jnp

    beta1, beta2 = config["beta1"], config["beta2"]
    images = jnp.asarray(images)

    def reconstruct(parameters, x):
        w1, b1, w2, b2, w3, b3, w4, b4 = parameters
        x = jax.nn.relu(x @ w1.T + b1)
        x = jax.nn.relu(x @ w2.T + b2)
        x = jax.nn.relu(x @ w3.T + b3)
        return jax.nn.sigmoid(x @ w4.T + b4)

    def mean_squared_error(parameters, x):
        return jnp.mean((reconstruct(parameters, x) - x) ** 2)

    def step(state, images, indices):
        parameters, firsts, seconds, steps = state
        steps = steps + 1
        loss, gradients = jax.value_and_grad(mean_squared_error)(parameters, images[indices])
        gradients = [g + config["weightDecay"] * p for g, p in zip(gradients, parameters)]
        firsts = [beta1 * m + (1 - beta1) * g for m, g in zip(firsts, gradients)]
        seconds = [beta2 * v + (1 - beta2) * g * g for v, g in zip(seconds, gradients)]
        rate = config["learningRate"] / (1 - beta1**steps)
        root = jnp.sqrt(1 - beta2**steps)
        parameters = [
            p - rate * m / (jnp.sqrt(v) / root + config["epsilon"])
            for p, m, v in zip(parameters, firsts, seconds)
        ]
        return (parameters, firsts, seconds, steps), loss

    step = jax.jit(step, donate_argnums=0)
    values = [jnp.asarray(value) for _, value in parameters]
    state = (values, [jnp.zeros_like(v) for v in values], [jnp.zeros_like(v) for v in values], jnp.float32(0))

    def train(batches):
        nonlocal state
        for indices in batches:
            state, loss = step(state, images, indices.astype("int32"))
        jax.block_until_ready(state)
        return float(loss)

    info = {
        "version": jax.__version__,
        "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }
    return info, train


serve(load)
