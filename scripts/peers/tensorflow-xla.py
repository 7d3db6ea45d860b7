"""TensorFlow on the CPU: the whole step, gather and Adam included, is one XLA program."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from types import SimpleNamespace

from protocol import serve


def load(config, images, parameters):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(config["threads"])
    beta1, beta2 = config["beta1"], config["beta2"]
    images = tf.constant(images)
    values = [tf.Variable(value) for _, value in parameters]
    firsts = [tf.Variable(tf.zeros_like(value)) for value in values]
    seconds = [tf.Variable(tf.zeros_like(value)) for value in values]
    steps = tf.Variable(0.0)

    latent = tf.nn.relu if config["latentActivation"] == "relu" else tf.identity

    def reconstruct(x):
        w1, b1, w2, b2, w3, b3, w4, b4 = values
        x = tf.nn.relu(tf.matmul(x, w1, transpose_b=True) + b1)
        x = latent(tf.matmul(x, w2, transpose_b=True) + b2)
        x = tf.nn.relu(tf.matmul(x, w3, transpose_b=True) + b3)
        return tf.sigmoid(tf.matmul(x, w4, transpose_b=True) + b4)

    @tf.function(jit_compile=True)
    def step(images, indices):
        x = tf.gather(images, indices)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.math.squared_difference(reconstruct(x), x))
        gradients = tape.gradient(loss, values)
        steps.assign_add(1.0)
        rate = config["learningRate"] / (1 - beta1**steps)
        root = tf.sqrt(1 - beta2**steps)
        for p, m, v, g in zip(values, firsts, seconds, gradients):
            g = g + config["weightDecay"] * p
            m.assign(beta1 * m + (1 - beta1) * g)
            v.assign(beta2 * v + (1 - beta2) * g * g)
            p.assign_sub(rate * m / (tf.sqrt(v) / root + config["epsilon"]))
        return loss

    def train(batches):
        for indices in batches:
            loss = step(images, tf.constant(indices, tf.int32))
        return float(loss.numpy())

    info = {"version": tf.__version__, "threads": tf.config.threading.get_intra_op_parallelism_threads()}
    return info, SimpleNamespace(train=train)


serve(load)
