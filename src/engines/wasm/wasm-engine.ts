/**
 * The CPU engine: one shared memory, one compiled core, and a pool of workers that share each job. Knows
 * neither Node nor the browser: module, memory and pool are handed in.
 */
import { HourglassError, TrainingError } from '../../errors.ts'
import type { Loss, Network } from '../../model/network.ts'
import { inputSize, parameterCount, parameterTable } from '../../model/network.ts'
import type { FloatArray, ModelState } from '../../model/state.ts'
import { INITIAL_BIAS } from '../../random/streams.ts'
import {
  CallGuard,
  checkInteger,
  checkNetwork,
  checkReconstructs,
  checkRowLosses,
  checkState,
  checkTrainingSet,
  countRows,
  planEpoch,
} from '../checks.ts'
import type { Engine, EngineInfo, EpochRequest, EpochResult, Inputs, TrainingSet } from '../engine.ts'
import { ProgressClock } from '../progress.ts'
import type { StopSignal } from '../stop-signal.ts'
import type { OperandChoice, StepThreads } from './algorithms.ts'
import { allThreads, MEASURED, shareOfZeros, zerosUnderNoise } from './algorithms.ts'
import type { CoreExports, WorkerPool, WorkerTask } from './core.ts'
import { bitsOf } from './core.ts'
import type { JobValues } from './engine-memory.ts'
import { EngineMemory, SLICE_ROWS, shardsOf } from './engine-memory.ts'
import type { TrainingSetMap } from './memory-map.ts'
import { byteRowBytes, roundUp } from './packing.ts'
import { DOUBLE, FLOAT, LINE, LOSS, ROWS, WORD } from './plan.ts'

/**
 * Bytes of inputs and outputs that inference stages at once, as long as that is a slice of rows for each
 * worker: bounds memory, changes no result. MNIST's test set is one piece, but for its reconstructions.
 */
const STAGED_BYTES = 9_000_000
/** Rows that are copied into memory in one task of the host. */
const ROWS_AT_ONCE = 16_384
/**
 * Looks before a waiting worker sleeps: some 0.5 ms where every worker has a core, next to none where they
 * share.
 */
const SPINS = 20_000
const SPINS_OVERSUBSCRIBED = 50

export interface WasmParts {
  readonly memory: WebAssembly.Memory
  /** The host's own instance: initial weights and shuffles. */
  readonly core: CoreExports
  readonly pool: WorkerPool
  /** Use the PAIR × 40 register tile: for runtimes that fuse 128-bit operations to 256. */
  readonly wideTile: boolean
  /** Cores of the machine, to choose how long workers spin. */
  readonly cores: number
  readonly arithmetic: string
  /** Which inputs of layers lie as lists; default by what was measured. Changes no bit. */
  readonly operands?: OperandChoice
  /** How many workers a training step uses; default all. Changes no bit. */
  readonly stepThreads?: StepThreads | undefined
  /**
   * Steps that workers do before they come back. Unlimited where the host's thread is free to watch
   * meanwhile; few where the host works itself, so that it can hear a stop between.
   */
  readonly stepsPerJob?: number
}

/** The rows that `trainEpoch` trains on. */
interface ResidentSet {
  readonly map: TrainingSetMap
  readonly count: number
  readonly rowKind: keyof typeof ROWS
  readonly rowBytes: number
  /** Share of values that are zero. */
  readonly zeros: number
  readonly hasLabels: boolean
}

/**
 * What an inference job computes: layers firstLayer … lastLayer, and the loss of each row where one is named.
 */
interface Inference {
  readonly firstLayer: number
  readonly lastLayer: number
  readonly loss?: Loss
  readonly labels?: Uint8Array | undefined
}

/** Lets the host handle what waits. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/** An engine of its parts; where one of them, or it, cannot be made (want of memory), the pool is closed. */
export async function createOrClose(
  network: Network,
  pool: WorkerPool,
  others: Omit<WasmParts, 'pool'> | Promise<Omit<WasmParts, 'pool'>>,
): Promise<WasmEngine> {
  try {
    return new WasmEngine(network, { ...(await others), pool })
  } catch (error) {
    await pool.close()
    throw error
  }
}

export class WasmEngine implements Engine {
  readonly info: EngineInfo
  readonly network: Network
  readonly #parts: WasmParts
  readonly #guard = new CallGuard()
  readonly #clock = new ProgressClock()
  readonly #operands: OperandChoice
  readonly #memory: EngineMemory
  #trainingSet: ResidentSet | undefined
  /** What `roomFor` gave, until the rows in it are the training set. */
  #room: Uint8Array | undefined
  #adamSteps = 0

  constructor(network: Network, parts: WasmParts) {
    checkNetwork(network)
    this.network = network
    this.#parts = parts
    this.info = {
      device: 'wasm',
      threads: parts.pool.size,
      arithmetic: parts.arithmetic,
      bits: bitsOf(parts.core),
    }
    this.#operands = parts.operands ?? MEASURED
    this.#memory = new EngineMemory(network, parts.core, parts.memory, parts.pool.size, this.#operands)
  }

  roomFor(rows: number): Uint8Array {
    return this.#guard.runSync(() => {
      const inputs = inputSize(this.network)
      checkInteger('rows', rows, 0, Number.MAX_SAFE_INTEGER)
      // A training set that is in use stays where it is; rows of other lengths are padded, which is a copy
      // anyway.
      const isSpared = !this.#trainingSet && !this.#room && byteRowBytes(inputs) === inputs
      const map = isSpared ? this.#memory.tryPlaceTrainingSet(rows, inputs) : undefined
      if (!map) return new Uint8Array(rows * inputs)
      this.#room = this.#memory.bytes(map.rows, rows * inputs)
      return this.#room
    })
  }

  setTrainingSet(set: TrainingSet): Promise<void> {
    return this.#guard.run(async () => {
      const count = checkTrainingSet(this.network, set)
      const { rows, labels } = set
      const inputs = inputSize(this.network)
      const rowKind = rows instanceof Uint8Array ? 'bytes' : 'floats'
      const rowBytes = rows instanceof Uint8Array ? byteRowBytes(inputs) : inputs * FLOAT
      const here = this.#addressOf(rows)
      this.#trainingSet = undefined
      this.#room = undefined
      const map = this.#memory.placeTrainingSet(count, rowBytes, here)
      if (labels) this.#memory.bytes(map.labels, count).set(labels)
      // 60,000 rows at once would hold up a page for longer than anyone may notice.
      for (let first = 0; first < count; first += ROWS_AT_ONCE) {
        const end = Math.min(first + ROWS_AT_ONCE, count)
        const address = map.rows + first * rowBytes
        if (here === undefined)
          this.#memory.copyRows(rows.subarray(first * inputs, end * inputs), inputs, address)
        const signatures = map.signatures + first * DOUBLE
        this.#parts.core.signRows(signatures, address, end - first, ROWS[rowKind], inputs, rowBytes)
        if (end < count) await nextTask()
      }
      const zeros = shareOfZeros(rows, inputs)
      this.#trainingSet = { map, count, rowKind, rowBytes, zeros, hasLabels: labels !== undefined }
    })
  }

  /** Where the rows lie, if they are those that `roomFor` made room for, or their beginning. */
  #addressOf(rows: Uint8Array | Float32Array): number | undefined {
    const room = this.#room
    const isRoom =
      room?.buffer === rows.buffer && room.byteOffset === rows.byteOffset && rows.length <= room.length
    return isRoom ? rows.byteOffset : undefined
  }

  initialize(seed: number): Promise<void> {
    return this.#guard.run(async () => {
      const { core } = this.#parts
      const weights = new Float32Array(parameterCount(this.network))
      const table = parameterTable(this.network)
      // The largest layer's weights are made in the memory after everything else, then packed.
      const staging = this.#memory.staging(Math.max(...table.map((entry) => entry.length)) * FLOAT + LINE)
      this.network.layers.forEach((layer, index) => {
        const { offset, length } = table[2 * index]
        core.initializeWeights(
          staging,
          this.#memory.fixed.workers[0],
          layer.inputs,
          layer.outputs,
          index,
          seed,
        )
        weights.set(this.#memory.floats(staging, length), offset)
        const bias = table[2 * index + 1]
        weights.fill(INITIAL_BIAS, bias.offset, bias.offset + bias.length)
      })
      const zeros = new Float32Array(weights.length)
      this.#memory.writeState({ parameters: weights, firstMoment: zeros, secondMoment: zeros })
      this.#adamSteps = 0
    })
  }

  writeState(state: ModelState): Promise<void> {
    return this.#guard.run(async () => {
      checkState(this.network, state)
      // In one piece it would hold up a page that trains for longer than anyone may notice.
      await nextTask()
      for (const _ of this.#memory.writeSlabs(state)) await nextTask()
      this.#adamSteps = state.steps
    })
  }

  readState(): Promise<ModelState> {
    return this.#guard.run(async () => ({ ...this.#memory.readState(), steps: this.#adamSteps }))
  }

  trainEpoch(request: EpochRequest): Promise<EpochResult> {
    return this.#guard.run(async () => {
      const order = request.order ?? this.#shuffledOrder(request)
      const plan = planEpoch(this.network, this.#trainingSet?.count, { ...request, ...(order && { order }) })
      const set = this.#trainingSet as ResidentSet
      const steps = plan.steps - plan.firstStep
      const batchSize = Math.min(request.batchSize, Math.max(plan.order.length, 1))
      const { pool, stepThreads = allThreads } = this.#parts
      const threads = stepThreads(this.network, batchSize, pool.size)
      const sharding = shardsOf(batchSize, threads)
      const work = this.#memory.workFor(batchSize)
      const batchLosses = this.#memory.staging(steps * DOUBLE + plan.order.length * WORD + steps * FLOAT)
      const orderAddress = batchLosses + steps * DOUBLE
      const rates = orderAddress + plan.order.length * WORD
      const { memory, core } = this.#parts
      this.#memory.floats(rates, steps).set(plan.learningRates.subarray(plan.firstStep))
      new Uint32Array(memory.buffer, orderAddress, plan.order.length).set(plan.order)
      core.arrangeBatches(
        orderAddress,
        plan.order.length,
        batchSize,
        set.map.signatures,
        this.#memory.fixed.workers[0],
      )
      const { signal, onProgress, weightDecay, seed, epoch, noiseStd = 0 } = request
      const clipping = set.rowKind === 'bytes' ? 'clipped' : 'full'
      const zeros = zerosUnderNoise(set.zeros, noiseStd > 0 ? clipping : 'none')
      const usesLists = this.#operands.listsInputs(zeros)
      const { stepsPerJob = Number.POSITIVE_INFINITY } = this.#parts
      let done = 0
      while (done < steps && !(done > 0 && signal?.aborted)) {
        const jobSteps = Math.min(stepsPerJob, steps - done)
        const values = {
          loss: LOSS[this.network.loss],
          rowKind: ROWS[set.rowKind],
          rows: set.map.rows,
          rowBytes: set.rowBytes,
          labels: set.hasLabels ? set.map.labels : 0,
          order: orderAddress,
          orderCount: plan.order.length,
          batchSize,
          firstStep: plan.firstStep + done,
          steps: jobSteps,
          ...sharding,
          rowLosses: work.rowLosses,
          batchLosses: batchLosses + done * DOUBLE,
          adamSteps: this.#adamSteps,
          frozenLayers: plan.frozenLayers,
          learningRates: rates + done * FLOAT,
          weightDecay,
          noiseStd,
          seed,
          epoch,
        }
        this.#writeJob(values, usesLists)
        const before = plan.firstStep + done
        const report = onProgress && ((n: number) => onProgress({ stepsDone: before + n, steps: plan.steps }))
        const jobDone = await this.#train(jobSteps, sharding.shards, threads, signal, report)
        this.#adamSteps += jobDone
        done += jobDone
        if (jobDone < jobSteps) break
      }
      return {
        batchLosses: new Float64Array(this.#parts.memory.buffer, batchLosses, done).slice(),
        stepsDone: plan.firstStep + done,
        steps: plan.steps,
      }
    })
  }

  forward(inputs: Inputs): Promise<FloatArray> {
    return this.#guard.run(() => this.#infer(inputs, 0, this.network.layers.length - 1))
  }

  encode(inputs: Inputs): Promise<FloatArray> {
    return this.#guard.run(() => this.#infer(inputs, 0, this.network.codeLayer))
  }

  decode(codes: FloatArray): Promise<FloatArray> {
    return this.#guard.run(() =>
      this.#infer(codes, this.network.codeLayer + 1, this.network.layers.length - 1),
    )
  }

  rowLosses(inputs: Inputs, labels?: Uint8Array): Promise<Float64Array> {
    return this.#guard.run(async () => {
      checkRowLosses(this.network, inputs, labels)
      return Float64Array.from(await this.#inferLosses(inputs, this.network.loss, labels))
    })
  }

  reconstructionErrors(inputs: Inputs): Promise<Float64Array> {
    return this.#guard.run(async () => {
      checkReconstructs(this.network)
      return Float64Array.from(await this.#inferLosses(inputs, 'mse'))
    })
  }

  async dispose(): Promise<void> {
    if (this.#guard.closed) return
    this.#guard.close()
    this.#memory.control.abort()
    await this.#parts.pool.close()
  }

  // ——— Training ———

  #shuffledOrder({ seed, epoch }: EpochRequest): Uint32Array | undefined {
    if (!this.#trainingSet) return undefined
    const { count } = this.#trainingSet
    const order = this.#memory.staging(count * WORD)
    this.#parts.core.shuffleOrder(order, this.#memory.fixed.workers[0], count, seed, epoch)
    return new Uint32Array(this.#parts.memory.buffer, order, count).slice()
  }

  /**
   * Runs the job that was written; returns the steps done, fewer than `steps` after a stop or a loss that is
   * no number.
   */
  async #train(
    steps: number,
    shards: number,
    threads: number,
    signal: StopSignal | undefined,
    report: ((stepsDone: number) => void) | undefined,
  ): Promise<number> {
    const { control } = this.#memory
    control.clear()
    control.write('endRound', steps + 1)
    const stop = () => control.write('stop', 1)
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop)
    let timer: ReturnType<typeof setTimeout> | undefined
    let thrown: { readonly error: unknown } | undefined
    const tell = (stepsDone: number) => {
      if (!report || thrown || !this.#clock.take()) return
      try {
        report(stepsDone)
      } catch (error) {
        thrown = { error }
        stop()
      }
    }
    const watch = () => {
      timer = setTimeout(() => {
        tell(Math.floor(control.read('shards') / shards))
        if (!thrown) watch()
      }, this.#clock.dueInMs)
    }
    if (report) watch()
    try {
      await this.#runOnWorkers('train', threads)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
    const done = Math.min(control.read('endRound') - 1, steps)
    // The job may have been over before the time came, or have left the host's thread no turn.
    tell(done)
    if (thrown) throw thrown.error
    return done
  }

  async #runOnWorkers(kind: WorkerTask['kind'], count: number): Promise<void> {
    const { pool } = this.#parts
    const outcomes = await Promise.allSettled(
      this.#memory.fixed.workers.slice(0, count).map(async (address, worker) => {
        try {
          await pool.run({ kind, job: this.#memory.fixed.job, address, worker })
        } catch (error) {
          this.#memory.control.abort()
          throw error
        }
      }),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (!failed) return
    const cause = failed.reason instanceof Error ? failed.reason : new Error(String(failed.reason))
    const isClear = cause instanceof HourglassError
    const failure = isClear ? cause : new TrainingError(`a worker thread failed: ${cause.message}`, { cause })
    this.#guard.fail(failure)
    throw failure
  }

  // ——— Inference ———

  /** Layers firstLayer … lastLayer for all rows: (n, outputs). */
  async #infer(inputs: Inputs, firstLayer: number, lastLayer: number): Promise<Float32Array> {
    const { layers } = this.network
    if (firstLayer > lastLayer) {
      countRows(inputs, layers[lastLayer].outputs, 'codes')
      return Float32Array.from(inputs)
    }
    return this.#inferPieces(inputs, { firstLayer, lastLayer }, layers[lastLayer].outputs)
  }

  /** A loss of each row, (n): against the row itself, or its label. */
  #inferLosses(inputs: Inputs, loss: Loss, labels?: Uint8Array): Promise<Float32Array> {
    return this.#inferPieces(
      inputs,
      { firstLayer: 0, lastLayer: this.network.layers.length - 1, loss, labels },
      1,
    )
  }

  /** `outputWidth` floats of each row: outputs of layer `lastLayer`, or losses. */
  async #inferPieces(
    inputs: Inputs,
    { firstLayer, lastLayer, loss, labels }: Inference,
    outputWidth: number,
  ): Promise<Float32Array> {
    const inputWidth = this.network.layers[firstLayer].inputs
    const rows = countRows(inputs, inputWidth, firstLayer === 0 ? 'inputs' : 'codes')
    const result = new Float32Array(rows * outputWidth)
    const isBytes = inputs instanceof Uint8Array
    const rowBytes = isBytes ? byteRowBytes(inputWidth) : inputWidth * FLOAT
    // A label is a byte; regions begin on a cache line.
    const stagedBytes = outputWidth * FLOAT + rowBytes + (labels ? 1 : 0)
    const stagedRows = Math.max(Math.floor(STAGED_BYTES / stagedBytes), this.#parts.pool.size * SLICE_ROWS)
    const slotBytes = roundUp(Math.min(rows, stagedRows) * stagedBytes + 2 * LINE, LINE)
    const slots = rows > stagedRows ? 2 : 1
    const usesLists = this.#operands.listsInputs(shareOfZeros(inputs, inputWidth))
    // Two slots in turn: while the workers compute one, the host fetches the results of the other.
    let fetchResults = () => {}
    for (let first = 0; first < rows; first += stagedRows) {
      const count = Math.min(stagedRows, rows - first)
      const work = this.#memory.workFor(1)
      const slot = (first / stagedRows) % slots
      const outputs = this.#memory.staging(slots * slotBytes) + slot * slotBytes
      const staged = outputs + roundUp(count * outputWidth * FLOAT, LINE)
      const stagedLabels = staged + roundUp(count * rowBytes, LINE)
      this.#memory.copyRows(
        inputs.subarray(first * inputWidth, (first + count) * inputWidth),
        inputWidth,
        staged,
      )
      if (labels) this.#memory.bytes(stagedLabels, count).set(labels.subarray(first, first + count))
      const values = {
        loss: loss ? LOSS[loss] : 0,
        rowKind: ROWS[isBytes ? 'bytes' : 'floats'],
        rows: staged,
        rowBytes,
        labels: labels ? stagedLabels : 0,
        rowLosses: work.rowLosses,
        rowCount: count,
        firstLayer,
        lastLayer,
        outputs: loss ? 0 : outputs,
        losses: loss ? outputs : 0,
        sliceRows: SLICE_ROWS,
      }
      this.#writeJob(values, usesLists)
      this.#memory.control.clear()
      const running = this.#runOnWorkers('infer', this.#parts.pool.size)
      fetchResults()
      await running
      fetchResults = () => result.set(this.#memory.floats(outputs, count * outputWidth), first * outputWidth)
    }
    fetchResults()
    return result
  }

  #writeJob(values: JobValues, listsInputs: boolean): void {
    const { wideTile, pool, cores } = this.#parts
    const spins = pool.size <= cores ? SPINS : SPINS_OVERSUBSCRIBED
    this.#memory.writeJob({ wideTile: wideTile ? 1 : 0, spins, ...values }, listsInputs)
  }
}
