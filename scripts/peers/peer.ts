/**
 * Other libraries that train the same network, each in a process of its own, for `npm run bench -- --peers`.
 *
 * Parent and peer exchange lines of JSON over stdin and stdout:
 *   → { "start": StartMessage }
 *   ← { "ready": PeerInfo, "losses": [...] }   the losses of the first steps, for us to verify
 *   ← { "unavailable": "reason" }              instead, where the library cannot be imported
 *   → { "run": { "steps": k, "batchSize": b } }
 *   ← { "ms": total, "loss": last }            timed by the peer: gather inside, completion awaited
 *   → { "quit": true }
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { HourglassError } from '../../src/errors.ts'
import { inputSize, type Network, type ParameterEntry, parameterTable } from '../../src/model/network.ts'
import { hourglassOptions } from '../../src/model/recipes.ts'

const PROGRAMS = {
  pytorch: { title: 'PyTorch (eager)', file: 'pytorch.py', variant: 'default' },
  'pytorch-fused': { title: 'PyTorch (eager, fused Adam)', file: 'pytorch.py', variant: 'fused' },
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
]
export const PEER_KINDS = (Object.keys(PROGRAMS) as PeerKind[]).filter(
  (kind) => !GPU_PEER_KINDS.includes(kind),
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
  /**
   * Losses of the first steps from the common start over the images in file order: computed by another
   * engine.
   */
  readonly expectedLosses: readonly number[]
  readonly batchSize: number
  readonly directory: string
  dispose(): Promise<void>
}

export interface WorkloadOptions {
  /** An autoencoder with ReLU latent units. */
  readonly network: Network
  /** (count, inputs) bytes; the network sees value / 255. */
  readonly images: Uint8Array
  /** The common start, in canonical order. */
  readonly parameters: Float32Array
  readonly batchSize: number
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

/**
 * The sizes of the seed's form of network, which is the one that peers train. Throws `PeerError` for another.
 */
function seedSizes(network: Network): { input: number; hidden: number; bottleneck: number } {
  const options = hourglassOptions(network)
  const found = network.layers.map((layer) => layer.activation).join(', ')
  if (options?.hidden.length !== 1 || found !== 'relu, relu, relu, sigmoid' || network.loss !== 'mse') {
    throw new PeerError(
      `peers train relu, relu, relu, sigmoid under mse, found ${found} under ${network.loss}`,
    )
  }
  return { input: options.input, hidden: options.hidden[0], bottleneck: options.bottleneck }
}

/**
 * Writes the images and the common start to a temporary folder. Throws a `PeerError` for what peers cannot
 * train.
 */
export async function createWorkload(options: WorkloadOptions): Promise<Workload> {
  const { network, images, parameters, batchSize, expectedLosses } = options
  const imageCount = images.length / inputSize(network)
  seedSizes(network)
  if (imageCount < batchSize)
    throw new PeerError(`peers need a full batch of ${batchSize}, found ${imageCount}`)
  const directory = await mkdtemp(path.join(tmpdir(), 'hourglass-peers-'))
  await writeFile(path.join(directory, 'images.u8'), images)
  const { buffer, byteOffset, byteLength } = parameters
  await writeFile(path.join(directory, 'parameters.f32'), new Uint8Array(buffer, byteOffset, byteLength))
  return {
    network,
    imageCount,
    expectedLosses,
    batchSize,
    directory,
    dispose: () => rm(directory, { recursive: true, force: true }),
  }
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
    return { kind, title, info: answer.ready as PeerInfo, losses, run, close }
  } catch (error) {
    await close()
    throw error
  }
}

function startMessage(kind: PeerKind, { workload, threads, seed = 1 }: PeerConfig): StartMessage {
  const { input, hidden, bottleneck } = seedSizes(workload.network)
  return {
    imagesFile: path.join(workload.directory, 'images.u8'),
    parametersFile: path.join(workload.directory, 'parameters.f32'),
    table: parameterTable(workload.network),
    count: workload.imageCount,
    inputs: input,
    hidden,
    bottleneck,
    batchSize: workload.batchSize,
    replaySteps: workload.expectedLosses.length,
    threads,
    seed,
    variant: PROGRAMS[kind].variant,
    learningRate: 1e-3,
    weightDecay: 1e-5,
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
