/** jax-js on its WebAssembly backend: the whole step is jit-compiled, on all threads. */
import { resolveObjectURL } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { Worker as NodeWorker } from 'node:worker_threads'
import { serve } from './protocol.mjs'

/**
 * jax-js 0.1.25 runs on one thread under Node, which has no Web Worker. This is as much of one as its pool
 * needs: a module from a blob URL, `postMessage`, `onmessage`, `onerror`.
 */
class WebWorker {
  #worker
  onmessage = null
  onerror = null

  constructor(url) {
    this.#worker = resolveObjectURL(url)
      .text()
      .then((source) => {
        const scope = `const { parentPort } = require('node:worker_threads')
          globalThis.self = globalThis
          globalThis.postMessage = (data) => parentPort.postMessage(data)
          parentPort.on('message', (data) => self.onmessage({ data }))\n`
        const worker = new NodeWorker(scope + source, { eval: true })
        worker.on('message', (data) => this.onmessage?.({ data }))
        worker.on('error', (error) => this.onerror?.(error))
        return worker
      })
  }

  postMessage(data) {
    this.#worker.then((worker) => worker.postMessage(data))
  }
}

await serve(async (config, images, parameters) => {
  // jax-js takes its thread count from here and offers no other setting.
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: config.threads })
  if (config.threads > 1) globalThis.Worker = WebWorker
  const jax = await import('@jax-js/jax')
  const { numpy: np, nn } = jax
  const { version } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.resolve('@jax-js/jax')), 'utf8'),
  )
  await jax.init('wasm')
  jax.defaultDevice('wasm')

  const { count, inputs, beta1, beta2, epsilon, weightDecay, learningRate } = config
  const linear = (x, weight, bias) => np.matmul(x, np.matrixTranspose(weight)).add(bias)

  // Every use of an array but its last takes a `.ref`: jax-js functions own what they are given.
  function meanSquaredError([w1, b1, w2, b2, w3, b3, w4, b4], batch) {
    const hidden1 = nn.relu(linear(batch.ref, w1, b1))
    const code = nn.relu(linear(hidden1, w2, b2))
    const hidden2 = nn.relu(linear(code, w3, b3))
    const output = nn.sigmoid(linear(hidden2, w4, b4))
    return np.square(output.sub(batch)).mean()
  }

  const step = jax.jit((weights, firsts, seconds, rate, root, dataset, indices) => {
    const batch = np.take(dataset, indices, 0)
    const [loss, gradients] = jax.valueAndGrad(meanSquaredError)(jax.tree.ref(weights), batch)
    const nextFirsts = []
    const nextSeconds = []
    const nextWeights = weights.map((weight, i) => {
      const gradient = gradients[i].add(weight.ref.mul(weightDecay))
      const first = firsts[i].mul(beta1).add(gradient.ref.mul(1 - beta1))
      const second = seconds[i].mul(beta2).add(np.square(gradient).mul(1 - beta2))
      nextFirsts.push(first.ref)
      nextSeconds.push(second.ref)
      return weight.sub(rate.ref.mul(first).div(np.sqrt(second).div(root.ref).add(epsilon)))
    })
    rate.dispose()
    root.dispose()
    return [nextWeights, nextFirsts, nextSeconds, loss]
  })

  const dataset = np.array(images).reshape([count, inputs])
  let weights = parameters.map(({ shape, values }) => np.array(values).reshape(shape))
  let firsts = parameters.map(({ shape }) => np.zeros(shape))
  let seconds = parameters.map(({ shape }) => np.zeros(shape))
  let steps = 0

  async function train(batches) {
    let loss
    for (const indices of batches) {
      steps += 1
      const rate = np.array(learningRate / (1 - beta1 ** steps))
      const root = np.array(Math.sqrt(1 - beta2 ** steps))
      loss?.dispose()
      ;[weights, firsts, seconds, loss] = step(
        weights,
        firsts,
        seconds,
        rate,
        root,
        dataset.ref,
        np.array(indices),
      )
    }
    await jax.blockUntilReady(jax.tree.ref([weights, firsts, seconds]))
    return (await loss.data())[0]
  }

  return { info: { version, threads: config.threads, instructions: '128-bit SIMD' }, train }
})
