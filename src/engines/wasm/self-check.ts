/**
 * What makes an experimental compiler flag safe to rely on: the fused core must do, bit for bit, what the
 * unfused one does.
 */
import type { Network } from '../../model/network.ts'
import { inputSize } from '../../model/network.ts'
import { hourglass } from '../../model/recipes.ts'
import type { Engine } from '../engine.ts'
import type { CoreExports } from './core.ts'
import { instantiateCore, runTask } from './core.ts'
import { PAIR } from './plan.ts'
import { WasmEngine } from './wasm-engine.ts'

/**
 * What is trained to see whether two cores agree: `seed` runs what the seed's network runs, `other` all that
 * is left, so that nobody waits for the check of what he does not use. Sizes leave whole panels, part panels,
 * part pairs and a smaller last batch.
 */
const NETWORKS = {
  seed: hourglass({ input: 90, hidden: 47, bottleneck: 5 }),
  other: {
    layers: [
      { name: 'fc1', inputs: 90, outputs: 41, activation: 'tanh' },
      { name: 'fc2', inputs: 41, outputs: 7, activation: 'identity' },
      { name: 'fc3', inputs: 7, outputs: 43, activation: 'sigmoid' },
      { name: 'fc4', inputs: 43, outputs: 90, activation: 'sigmoid' },
    ],
    loss: 'bce',
    codeLayer: 1,
  },
} as const satisfies Record<string, Network>

/** Which kernels are checked. */
export type CheckedKernels = keyof typeof NETWORKS

/** What must be checked for a network. */
export function kernelsOf({ layers, loss }: Network): CheckedKernels {
  const hidden = layers.slice(0, -1)
  const isSeedLike =
    hidden.every(({ activation }) => activation === 'relu' || activation === 'identity') &&
    (loss === 'crossEntropy' || (loss === 'mse' && layers[layers.length - 1].activation === 'sigmoid'))
  return isSeedLike ? 'seed' : 'other'
}

const ROWS = 29
const BATCH_SIZE = 12

/**
 * An engine ready for the tiny training, on this thread and in a memory of its own: of bytes, many of them
 * zero, or of floats.
 */
async function createTiny(
  kernels: CheckedKernels,
  module: WebAssembly.Module,
  wideTile: boolean,
): Promise<Engine> {
  const network: Network = NETWORKS[kernels]
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1024, shared: true })
  const core = await instantiateCore(module, memory)
  const pool = {
    size: 1,
    run: async (task: Parameters<typeof runTask>[1]) => runTask(core, task),
    close: async () => {},
  }
  const engine = new WasmEngine(network, { memory, core, pool, wideTile, cores: 1, arithmetic: '' })
  const bytes = Uint8Array.from({ length: ROWS * inputSize(network) }, (_, i) =>
    (i * 37) % 5 < 2 ? 0 : (i * 97) % 256,
  )
  const rows = network.loss === 'bce' ? Float32Array.from(bytes, (byte) => (byte + 1) / 256) : bytes
  await engine.setTrainingSet({ rows })
  await engine.initialize(1)
  return engine
}

/** Two epochs, noise and all. */
async function trainTiny(engine: Engine): Promise<void> {
  for (const noiseStd of [0, 0.2]) {
    await engine.trainEpoch({
      seed: 1,
      epoch: 1,
      batchSize: BATCH_SIZE,
      learningRate: 1e-3,
      weightDecay: 1e-5,
      noiseStd,
    })
  }
}

/** Parameters and moments after the tiny training. */
async function tinyState(
  kernels: CheckedKernels,
  module: WebAssembly.Module,
  wideTile: boolean,
): Promise<Float32Array[]> {
  const engine = await createTiny(kernels, module, wideTile)
  await trainTiny(engine)
  const { parameters, firstMoment, secondMoment } = await engine.readState()
  await engine.dispose()
  return [parameters, firstMoment, secondMoment] as Float32Array[]
}

/**
 * Trainings and pauses after which V8 has optimized every function of the step; it took at most 40 ms where
 * it was tried.
 */
const WARM_UP_ROUNDS = 4
const WARM_UP_PAUSE_MS = 15

/** Runs the module until V8 has had the occasion to optimize it. */
export async function letOptimize(
  module: WebAssembly.Module,
  wideTile = true,
  kernels: CheckedKernels = 'seed',
): Promise<void> {
  const engine = await createTiny(kernels, module, wideTile)
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    await trainTiny(engine)
    await new Promise((resolve) => setTimeout(resolve, WARM_UP_PAUSE_MS))
  }
  await engine.dispose()
}

/** Whether the fused module with the wide tile gives the bits of the unfused one with the narrow tile. */
export async function fusedAgrees(
  fused: WebAssembly.Module,
  unfused: WebAssembly.Module,
  kernels: CheckedKernels = 'seed',
): Promise<boolean> {
  const actual = await tinyState(kernels, fused, true)
  const expected = await tinyState(kernels, unfused, false)
  return actual.every((slab, s) => {
    const bits = new Uint32Array(slab.buffer)
    const expectedBits = new Uint32Array(expected[s].buffer)
    return bits.length === expectedBits.length && bits.every((word, i) => word === expectedBits[i])
  })
}

/**
 * The same core under other bytes, so that V8 does not answer with code it has compiled before: an empty
 * custom section.
 */
export function withCustomSection(bytes: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  const letters = new TextEncoder().encode(name)
  return Uint8Array.from([...bytes, 0, letters.length + 1, letters.length, ...letters])
}

const PROBE_TERMS = 784
const PROBE_TILES = 60
const PROBE_ROUNDS = 5
const PROBE_BYTES = 1 << 20

/**
 * Whether the 2 × 40 tile is quicker here than two 2 × 20 tiles: it is where V8 really fuses, and spills
 * where it does not.
 */
export function wideTileIsFaster(core: CoreExports, memory: WebAssembly.Memory): boolean {
  const address = memory.buffer.byteLength
  memory.grow(PROBE_BYTES / 65536)
  const time = (wide: number) => {
    const start = performance.now()
    for (let i = 0; i < PROBE_TILES; i++)
      core.gemmTile(wide, address, address + 1024, PAIR * 4, address + 65536, PROBE_TERMS)
    return performance.now() - start
  }
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let round = 0; round < PROBE_ROUNDS; round++) {
    for (const wide of [0, 1]) best[wide] = Math.min(best[wide], time(wide))
  }
  return best[1] < best[0]
}
