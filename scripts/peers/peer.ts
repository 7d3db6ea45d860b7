/**
 * Other libraries that train the same network, each in a process of its own, for `npm run bench -- --peers`.
 *
 * Parent and peer exchange lines of JSON over stdin and stdout:
 *   → { "start": StartMessage }
 *   ← { "ready": PeerInfo, "losses": [...] }   the losses of the first steps, for us to verify
 *   ← { "unavailable": "reason" }              instead, where the library cannot be imported
 *   → { "run": { "steps": k, "batchSize": b } }
 *   ← { "ms": total, "loss": last }            timed by the peer: gather inside, completion awaited
 *   → { "begin": { ... } }                     PyTorch and JAX: a run of whole epochs, from another start
 *   ← { "begun": true }
 *   → { "epoch": { "rates": rate or list } }   trains an epoch
 *   ← { "ms": total, "loss": mean, "error": e }  the error over the test rows, which is not timed
 *   → { "quit": true }
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { RowSet } from '../../src/data/rows.ts'
import { HourglassError } from '../../src/errors.ts'
import { inputSize, type Network, type ParameterEntry, parameterTable } from '../../src/model/network.ts'
import { hourglassOptions } from '../../src/model/recipes.ts'
import { DEFAULT_TRAINING } from '../../src/training/config.ts'

const PROGRAMS = {
  pytorch: { title: 'PyTorch (eager)', file: 'pytorch.py', variant: 'default' },
  'pytorch-fused': { title: 'PyTorch (eager, fused Adam)', file: 'pytorch.py', variant: 'fused' },
  'pytorch-fused-flush': {
    title: 'PyTorch (eager, fused Adam, subnormals flushed)',
    file: 'pytorch.py',
    variant: 'fused-flush',
  },
  jax: { title: 'JAX (XLA)', file: 'jax-xla.py', variant: 'default' },
  tensorflow: { title: 'TensorFlow (XLA)', file: 'tensorflow-xla.py', variant: 'default' },
  'pytorch-cuda': { title: 'PyTorch (eager, CUDA)', file: 'pytorch.py', variant: 'cuda' },
  'pytorch-cuda-fused': {
    title: 'PyTorch (eager, fused Adam, CUDA)',
    file: 'pytorch.py',
    variant: 'cuda-fused',
  },
  'pytorch-cuda-compile': {
    title: 'PyTorch (torch.compile, fused Adam, CUDA)',
    file: 'pytorch.py',
    variant: 'cuda-fused-compile',
  },
  'pytorch-cuda-graph': {
    title: 'PyTorch (the step as a CUDA graph, fused Adam)',
    file: 'pytorch.py',
    variant: 'cuda-fused-graph',
  },
  'pytorch-cuda-tf32': {
    title: 'PyTorch (eager, CUDA, TF32 instead of float32)',
    file: 'pytorch.py',
    variant: 'cuda-tf32',
  },
  'jax-cuda': { title: 'JAX (XLA, CUDA)', file: 'jax-xla.py', variant: 'cuda' },
  'jax-cuda-scan': { title: 'JAX (XLA, 64 steps a call, CUDA)', file: 'jax-xla.py', variant: 'cuda-scan' },
  'jax-js': { title: 'jax-js (WASM)', file: 'jax-js.mjs', variant: 'default' },
  'tfjs-wasm': { title: 'tfjs (WASM)', file: 'tfjs-wasm.mjs', variant: 'default' },
} as const

export type PeerKind = keyof typeof PROGRAMS
/** On the GPU; all others compute on the CPU. */
export const GPU_PEER_KINDS: readonly PeerKind[] = [
  'pytorch-cuda',
  'pytorch-cuda-fused',
  'pytorch-cuda-compile',
  'pytorch-cuda-graph',
  'pytorch-cuda-tf32',
  'jax-cuda',
  'jax-cuda-scan',
]
/** Measured over some steps; flushing subnormals pays later in a run, where they come. */
export const PEER_KINDS = (Object.keys(PROGRAMS) as PeerKind[]).filter(
  (kind) => !GPU_PEER_KINDS.includes(kind) && kind !== 'pytorch-fused-flush',
)

/** What a person reads in a table's first column. */
export function peerTitle(kind: PeerKind): string {
  return PROGRAMS[kind].title
}

/**
 * Environment that keeps PyTorch (ATen, MKL, oneDNN), JAX and TensorFlow (XLA) to AVX2 on a machine with
 * more, so that they use vectors as wide as WebAssembly's widest under V8.
 */
export const AVX2_ENVIRONMENT: Readonly<Record<string, string>> = {
  ATEN_CPU_CAPABILITY: 'avx2',
  MKL_ENABLE_INSTRUCTIONS: 'AVX2',
  ONEDNN_MAX_CPU_ISA: 'AVX2',
  XLA_FLAGS: '--xla_cpu_max_isa=AVX2',
}

/**
 * Relative. PyTorch's float32 trajectory lies within 1e-7 of float64's in these first steps; a wrong formula
 * far outside.
 */
const LOSS_TOLERANCE = 1e-4
const LONGEST_ERROR_TAIL = 2000
const QUIT_MILLISECONDS = 5000

/** The library is not installed, or this machine cannot run it: to be reported and left out. */
export class PeerUnavailableError extends HourglassError {
  override name = 'PeerUnavailableError'
}

/** The peer computes something else than we do, failed, or did not answer in time. */
export class PeerError extends HourglassError {
  override name = 'PeerError'
}

/** What all peers train, written once to files that they all read. */
export interface Workload {
  readonly network: Network
  readonly imageCount: number
  readonly imagesFile: string
  /**
   * Losses of the first steps from the common start over the images in file order: computed by another
   * engine.
   */
  readonly expectedLosses: readonly number[]
  readonly batchSize: number
  readonly weightDecay: number
  readonly directory: string
  dispose(): Promise<void>
}

export interface WorkloadOptions {
  /** Of the seed's form; the latent units may be linear ones too. */
  readonly network: Network
  /** (count, inputs): bytes, of which the network sees value / 255, or floats. */
  readonly images: RowSet['rows']
  /** (count, inputs): what `PeerRace` is judged by. */
  readonly testImages?: Uint8Array
  /** The common start, in canonical order. */
  readonly parameters: Float32Array
  readonly batchSize: number
  /** Default: the seed project's. */
  readonly weightDecay?: number
  /**
   * See `Workload.expectedLosses`; three are enough to prove loss, gradients, weight decay and bias
   * correction.
   */
  readonly expectedLosses: readonly number[]
}

export interface PeerConfig {
  readonly workload: Workload
  readonly threads: number
  /** Default 1. */
  readonly seed?: number
  /** Added to our own environment, for example `AVX2_ENVIRONMENT`. */
  readonly environment?: Readonly<Record<string, string>>
  /** Importing, compiling and replaying; default 180 s. */
  readonly startMilliseconds?: number
  /** One `run`; default 300 s. */
  readonly runMilliseconds?: number
}

export interface PeerInfo {
  readonly version: string
  /** The language's runtime, for example `Python 3.11.7`. */
  readonly runtime: string
  readonly threads: number
  /** CPU instructions in use where the library tells, for example `AVX512` (PyTorch). */
  readonly instructions?: string
}

export interface PeerRace {
  /** The start, in canonical order. */
  readonly parameters: Float32Array
  readonly batchSize: number
  readonly seed: number
}

export interface Peer {
  readonly kind: PeerKind
  readonly title: string
  readonly info: PeerInfo
  /** Losses of the verified first steps. */
  readonly losses: readonly number[]
  /**
   * Trains so many steps over shuffled minibatches, of the workload's size unless another is given. Throws a
   * `PeerError` where the peer fails or is too slow.
   */
  run(steps: number, batchSize?: number): Promise<{ milliseconds: number; loss: number }>
  /**
   * Begins a run of whole epochs over all images, shuffled by `seed`, that forgets all training before; only
   * where the workload has test images, and for the Python peers `pytorch…` and `jax`.
   */
  begin(race: PeerRace): Promise<void>
  /**
   * Trains an epoch at one rate or at one for each step: its milliseconds, the mean loss of its steps, and
   * the mean squared error over the test images, which is not in the time.
   */
  trainEpoch(
    rates: number | readonly number[],
  ): Promise<{ milliseconds: number; loss: number; testError: number }>
  /** Ends the process. Idempotent. */
  close(): Promise<void>
}

interface StartMessage {
  readonly imagesFile: string
  readonly parametersFile: string
  readonly table: readonly ParameterEntry[]
  readonly count: number
  readonly inputs: number
  readonly hidden: number
  readonly bottleneck: number
  readonly latentActivation: string
  readonly batchSize: number
  readonly replaySteps: number
  readonly threads: number
  readonly seed: number
  readonly variant: string
  readonly learningRate: number
  readonly weightDecay: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/** The sizes of the seed's form of network, which is what peers train. Throws `PeerError` for another. */
function seedSizes(network: Network) {
  const options = hourglassOptions(network)
  const found = network.layers.map((layer) => layer.activation)
  const [, latentActivation] = found
  const isKnown = /^relu, (relu|identity), relu, sigmoid$/.test(found.join(', '))
  if (options?.hidden.length !== 1 || !isKnown || network.loss !== 'mse') {
    throw new PeerError(
      `peers train relu, relu or identity, relu, sigmoid under mse, found ${found.join(', ')} under ${network.loss}`,
    )
  }
  const { input, hidden, bottleneck } = options
  return { input, hidden: hidden[0], bottleneck, latentActivation }
}

/**
 * Writes the images and the common start to a temporary folder. Throws a `PeerError` for what peers cannot
 * train.
 */
export async function createWorkload(options: WorkloadOptions): Promise<Workload> {
  const { network, images, testImages, parameters, batchSize, expectedLosses } = options
  const { weightDecay = DEFAULT_TRAINING.weightDecay } = options
  const imageCount = images.length / inputSize(network)
  seedSizes(network)
  if (imageCount < batchSize)
    throw new PeerError(`peers need a full batch of ${batchSize}, found ${imageCount}`)
  const directory = await mkdtemp(path.join(tmpdir(), 'hourglass-peers-'))
  const imagesFile = path.join(directory, images instanceof Uint8Array ? 'images.u8' : 'images.f32')
  await writeFile(imagesFile, bytesOf(images))
  await writeFile(path.join(directory, PARAMETERS_FILE), bytesOf(parameters))
  if (testImages) await writeFile(path.join(directory, TEST_FILE), testImages)
  return {
    network,
    imageCount,
    imagesFile,
    expectedLosses,
    batchSize,
    weightDecay,
    directory,
    dispose: () => rm(directory, { recursive: true, force: true }),
  }
}

const PARAMETERS_FILE = 'parameters.f32'
const TEST_FILE = 'test.u8'

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/**
 * Starts a peer and verifies its first losses. Rejects with a `PeerUnavailableError` where its library is
 * missing, with a `PeerError` where its arithmetic is not ours. `$PYTHON`, in `environment` or our own, names
 * the Python interpreter; default `python3`.
 */
export async function startPeer(kind: PeerKind, config: PeerConfig): Promise<Peer> {
  const { workload, startMilliseconds = 180_000, runMilliseconds = 300_000 } = config
  const title = peerTitle(kind)
  const conversation = converse(kind, config)
  const { ask, close } = conversation
  try {
    const answer = await ask({ start: startMessage(kind, config) }, startMilliseconds)
    if (typeof answer.unavailable === 'string')
      throw new PeerUnavailableError(`${title}: ${answer.unavailable}`)
    const losses = answer.losses as readonly number[]
    verifyLosses(title, losses, workload.expectedLosses)
    const run = async (steps: number, batchSize = workload.batchSize) => {
      const { ms, loss } = await ask({ run: { steps, batchSize } }, runMilliseconds)
      if (!Number.isFinite(loss) || !Number.isFinite(ms))
        throw new PeerError(`${title}: loss ${loss} in ${ms} ms`)
      return { milliseconds: ms as number, loss: loss as number }
    }
    const race = raceOf(title, workload, (message) => ask(message, runMilliseconds))
    return { kind, title, info: answer.ready as PeerInfo, losses, run, ...race, close }
  } catch (error) {
    await close()
    throw error
  }
}

function raceOf(
  title: string,
  { directory }: Workload,
  ask: (message: object) => Promise<Answer>,
): Pick<Peer, 'begin' | 'trainEpoch'> {
  return {
    async begin({ parameters, batchSize, seed }) {
      const parametersFile = path.join(directory, `start.${title.replaceAll(/\W+/g, '-')}.f32`)
      await writeFile(parametersFile, bytesOf(parameters))
      await ask({ begin: { parametersFile, testFile: path.join(directory, TEST_FILE), batchSize, seed } })
    },
    async trainEpoch(rates) {
      const { ms, loss, error } = await ask({ epoch: { rates } })
      if (![ms, loss, error].every(Number.isFinite)) {
        throw new PeerError(`${title}: loss ${loss}, test error ${error} in ${ms} ms`)
      }
      return { milliseconds: ms as number, loss: loss as number, testError: error as number }
    },
  }
}

function startMessage(kind: PeerKind, { workload, threads, seed = 1 }: PeerConfig): StartMessage {
  const { input, hidden, bottleneck, latentActivation } = seedSizes(workload.network)
  const isPlain = latentActivation === 'relu' && workload.imagesFile.endsWith('.u8')
  if (PROGRAMS[kind].file.endsWith('.mjs') && !isPlain) {
    throw new PeerError(`${peerTitle(kind)}: trains ReLU latent units on bytes only`)
  }
  return {
    imagesFile: workload.imagesFile,
    parametersFile: path.join(workload.directory, PARAMETERS_FILE),
    table: parameterTable(workload.network),
    count: workload.imageCount,
    inputs: input,
    hidden,
    bottleneck,
    latentActivation,
    batchSize: workload.batchSize,
    replaySteps: workload.expectedLosses.length,
    threads,
    seed,
    variant: PROGRAMS[kind].variant,
    learningRate: 1e-3,
    weightDecay: workload.weightDecay,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
  }
}

function verifyLosses(title: string, found: readonly number[], expected: readonly number[]): void {
  const agrees =
    found.length === expected.length &&
    // "Not within" rather than "beyond", so that NaN never passes.
    expected.every((loss, step) => Math.abs(found[step] - loss) <= LOSS_TOLERANCE * loss)
  if (!agrees) {
    throw new PeerError(
      `${title}: other arithmetic: expected losses ${expected.join(', ')}, found ${found.join(', ')}`,
    )
  }
}

type Answer = Readonly<Record<string, unknown>>

interface Conversation {
  ask(message: object, milliseconds: number): Promise<Answer>
  close(): Promise<void>
}

/** One process and its lines: a question has one answer, and only one is open at a time. */
function converse(kind: PeerKind, config: PeerConfig): Conversation {
  const title = peerTitle(kind)
  const child = spawnPeer(kind, config)
  let open: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined
  let failure: Error | undefined
  let errorTail = ''

  const fail = (error: Error) => {
    failure ??= error
    open?.reject(failure)
    open = undefined
  }
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      fail(
        new PeerUnavailableError(`${title}: cannot start ${child.spawnfile}: ${error.code ?? error.message}`),
      )
      resolve()
    })
    // `close` rather than `exit`: all that the process wrote has then arrived.
    child.once('close', (code, signal) => {
      fail(new PeerError(`${title}: ended with ${signal ?? `code ${code}`}: ${errorTail.trim()}`))
      resolve()
    })
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errorTail = (errorTail + text).slice(-LONGEST_ERROR_TAIL)
  })
  // A peer that died is reported by `close`; the pipe's own error would only say so less clearly.
  child.stdin?.on('error', () => {})
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      let answer: Answer
      try {
        answer = JSON.parse(line) as Answer
      } catch {
        fail(new PeerError(`${title}: expected a line of JSON, found ${line.slice(0, 200)}`))
        return
      }
      open?.resolve(answer)
      open = undefined
    })
  }

  const ask = (message: object, milliseconds: number) =>
    new Promise<Answer>((resolve, reject) => {
      if (failure !== undefined || open !== undefined) {
        reject(failure ?? new Error('internal: a peer was asked before it had answered'))
        return
      }
      const timer = setTimeout(() => {
        fail(new PeerError(`${title}: no answer in ${milliseconds / 1000} s`))
        child.kill('SIGKILL')
      }, milliseconds)
      open = {
        resolve: (answer) => {
          clearTimeout(timer)
          resolve(answer)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      child.stdin?.write(`${JSON.stringify(message)}\n`)
    })

  const close = async () => {
    child.stdin?.end(`${JSON.stringify({ quit: true })}\n`)
    const timer = setTimeout(() => child.kill('SIGKILL'), QUIT_MILLISECONDS)
    await exited
    clearTimeout(timer)
  }
  return { ask, close }
}

function spawnPeer(kind: PeerKind, { threads, environment = {} }: PeerConfig): ChildProcess {
  const file = fileURLToPath(new URL(PROGRAMS[kind].file, import.meta.url))
  const interpreter = file.endsWith('.py')
    ? (environment.PYTHON ?? process.env.PYTHON ?? 'python3')
    : process.execPath
  const pools = { OMP_NUM_THREADS: `${threads}`, MKL_NUM_THREADS: `${threads}` }
  return spawn(interpreter, [file], {
    env: { ...process.env, ...pools, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}
