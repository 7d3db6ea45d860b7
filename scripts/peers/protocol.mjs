/** The side of the peers' line protocol (see peer.ts) that all JavaScript peers share. */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

// Libraries print to stdout as they like; the protocol keeps it to itself.
console.log = console.error
console.info = console.error

/** Resolves when the line is written: a pipe may be asynchronous, and `process.exit` does not wait for it. */
function answer(message) {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(message)}\n`, resolve))
}

/** Mulberry32 (Tommy Ettinger, public domain): uniform in [0, 1); enough to shuffle a benchmark. */
function uniform(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Endless index arrays (batchSize): a new permutation each epoch, its incomplete last batch left out. */
function* shuffledBatches(count, batchSize, seed) {
  const random = uniform(seed)
  const order = Int32Array.from({ length: count }, (_, i) => i)
  while (true) {
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1))
      const swapped = order[i]
      order[i] = order[j]
      order[j] = swapped
    }
    for (let start = 0; start + batchSize <= count; start += batchSize) {
      yield order.slice(start, start + batchSize)
    }
  }
}

function* take(iterator, count) {
  for (let i = 0; i < count; i++) yield iterator.next().value
}

/** The common start: [{ name, shape, values }] in the order of PyTorch's state_dict. */
function readParameters(config) {
  const bytes = readFileSync(config.parametersFile)
  const slab = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  return config.table.map(({ name, shape, offset, length }) => ({
    name,
    shape,
    values: slab.slice(offset, offset + length),
  }))
}

/**
 * Runs a peer until its parent says quit or closes stdin.
 *
 * `load(config, images, parameters)` imports the library and resolves to `{ info, train }`: images is a
 * Float32Array (count, inputs) in [0, 1]; `train(batches)` takes one step for each Int32Array of indices of
 * an iterable, gather included, waits until all is computed, and resolves to the loss of the last.
 */
export async function serve(load) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const config = JSON.parse((await lines.next()).value).start
  const images = Float32Array.from(readFileSync(config.imagesFile), (byte) => byte / 255)
  let peer
  try {
    peer = await load(config, images, readParameters(config))
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND' && error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    // Only what is missing: who asked for it is a path of this machine, which has no place in results.
    const [missing] = error.message.split(/\n| imported from /)
    answer({ unavailable: `not installed: run npm install in scripts/peers (${missing})` })
    process.exit(0)
  }
  const { info, train } = peer

  const { count, batchSize, replaySteps } = config
  const losses = []
  for (let step = 0; step < replaySteps; step++) {
    losses.push(
      await train([Int32Array.from({ length: batchSize }, (_, j) => (step * batchSize + j) % count)]),
    )
  }
  await answer({ ready: { ...info, runtime: `Node ${process.versions.node}` }, losses })

  const batches = shuffledBatches(count, batchSize, config.seed)
  for await (const line of lines) {
    const request = JSON.parse(line)
    if ('quit' in request) break
    const start = performance.now()
    const loss = await train(take(batches, request.run.steps))
    await answer({ ms: performance.now() - start, loss })
  }
  // Worker pools of the libraries would keep the process alive.
  process.exit(0)
}
