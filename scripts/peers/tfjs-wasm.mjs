/**
 * TensorFlow.js on its WebAssembly backend with SIMD, in eager mode: it has no other.
 *
 * On one thread, whatever was asked for. tfjs 4.22 switches threads off under Node (tensorflow/tfjs#3830);
 * with the flag forced and its workers started from the package's files, the threaded binary loads, but its
 * pool reports one thread for every `setThreadsCount` from -1 to 8, starts none, and a step takes as long.
 */
import { createRequire } from 'node:module'
import { serve } from './protocol.mjs'

const require = createRequire(import.meta.url)

await serve(async (config, images, parameters) => {
  const tf = require('@tensorflow/tfjs-core')
  // For its side effect: tfjs-core under Node comes without gradients, the layers package registers them all.
  require('@tensorflow/tfjs-layers')
  const backend = require('@tensorflow/tfjs-backend-wasm')
  await tf.setBackend('wasm')

  const { count, inputs, weightDecay } = config
  const dataset = tf.tensor2d(images, [count, inputs])
  const variables = parameters.map(({ name, shape, values }) =>
    tf.variable(tf.tensor(values, shape), true, name),
  )
  const [w1, b1, w2, b2, w3, b3, w4, b4] = variables
  const optimizer = tf.train.adam(config.learningRate, config.beta1, config.beta2, config.epsilon)
  const linear = (x, weight, bias) => tf.add(tf.matMul(x, weight, false, true), bias)

  function step(indices) {
    return tf.tidy(() => {
      const batch = tf.gather(dataset, tf.tensor1d(indices, 'int32'))
      const { value, grads } = tf.variableGrads(() => {
        const hidden1 = tf.relu(linear(batch, w1, b1))
        const code = tf.relu(linear(hidden1, w2, b2))
        const hidden2 = tf.relu(linear(code, w3, b3))
        const output = tf.sigmoid(linear(hidden2, w4, b4))
        return tf.mean(tf.squaredDifference(output, batch))
      }, variables)
      for (const variable of variables) {
        grads[variable.name] = tf.add(grads[variable.name], tf.mul(variable, weightDecay))
      }
      optimizer.applyGradients(grads)
      return value
    })
  }

  async function train(batches) {
    let loss
    for (const indices of batches) {
      loss?.dispose()
      loss = step(indices)
    }
    const [value] = await loss.data()
    loss.dispose()
    return value
  }

  return { info: { version: backend.version_wasm, threads: 1, instructions: '128-bit SIMD' }, train }
})
