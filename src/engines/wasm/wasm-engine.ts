/**
 * The CPU engine: one shared memory, one compiled core, and a pool of workers that share each job. Knows neither Node nor the
 * browser: module, memory and pool are handed in.
 */
import { DeviceError, TrainingError, UsageError } from '../../errors.ts'
import type { Network } from '../../model/network.ts'
import { parameterCount, parameterTable } from '../../model/network.ts'
import type { FloatArray, ModelState } from '../../model/state.ts'
import { INITIAL_BIAS } from '../../random/streams.ts'
import { CallGuard, checkState, checkTrainingSet, countRows, planEpoch } from '../checks.ts'
import type { Engine, EngineInfo, EpochRequest, EpochResult, Inputs, TrainingSet } from '../engine.ts'
import type { CoreExports, WorkerPool, WorkerTask } from './core.ts'
import type { FixedMap, LayerAddresses, TrainingSetMap, WorkMap } from './memory-map.ts'
import { growMemory, mapFixed, mapTrainingSet, mapWork } from './memory-map.ts'
import { packedWeightElems, packWeights, roundUp, unpackWeights } from './packing.ts'
import {
  ACTIVATION_CODES,
  BATCH_FIELDS,
  CONTROL,
  CONTROL_BYTES,
  INPUT_BYTES,
  INPUT_FLOATS,
  JOB_FIELDS,
  LAYER_FIELDS,
  PANEL,
  QUAD,
  writeStruct,
} from './plan.ts'

/** Rows of one worker's slice of the activation buffers in inference. */
const SLICE_ROWS = 64
/** Rows that inference stages at once: bounds the memory for inputs and outputs, changes no result. */
const STAGED_ROWS = 2048
const PROGRESS_INTERVAL_MS = 50
/** Looks before a waiting worker sleeps: some 0.5 ms where every worker has a core, next to none where they share. */
const SPINS = 20_000
const SPINS_OVERSUBSCRIBED = 50

export interface WasmParts {
  readonly memory: WebAssembly.Memory
  /** The host's own instance: initial weights and shuffles. */
  readonly core: CoreExports
  readonly pool: WorkerPool
  /** Use the QUAD × 16 register tile: for runtimes that fuse 128-bit operations to 256. */
  readonly wideTile: boolean
  /** Cores of the machine, to choose how long workers spin. */
  readonly cores: number
  readonly arithmetic: string
  /**
   * Steps that workers do before they come back. Unlimited where the host's thread is free to watch meanwhile; few where the host
   * works itself, so that it can hear a stop between.
   */
  readonly stepsPerJob?: number
}

type JobValues = Partial<Record<(typeof JOB_FIELDS)[number], number>>

export class WasmEngine implements Engine {
  readonly info: EngineInfo
  readonly network: Network
  readonly #parts: WasmParts
  readonly #guard = new CallGuard()
  readonly #fixed: FixedMap
  #trainingSet: TrainingSetMap | undefined
  #imageCount: number | undefined
  #hasLabels = false
  #work: WorkMap | undefined
  #adamSteps = 0

  constructor(network: Network, parts: WasmParts) {
    this.network = network
    this.#parts = parts
    this.info = { device: 'wasm', threads: parts.pool.size, arithmetic: parts.arithmetic }
    this.#fixed = mapFixed(network, parts.pool.size)
    growMemory(parts.memory, this.#fixed.end)
  }

  setTrainingSet(set: TrainingSet): Promise<void> {
    return this.#guard.run(async () => {
      const count = checkTrainingSet(this.network, set)
      const map = mapTrainingSet(this.#fixed.end, this.network, count)
      growMemory(this.#parts.memory, map.end)
      const inputs = this.network.layers[0].inputs
      this.#copyPadded(set.images, inputs, map.images, count)
      if (set.labels) this.#bytes(map.labels, count).set(set.labels)
      this.#parts.core.signImages(map.signatures, map.images, count, roundUp(inputs, PANEL))
      this.#trainingSet = map
      this.#imageCount = count
      this.#hasLabels = set.labels !== undefined
      this.#work = undefined
    })
  }

  initialize(seed: number): Promise<void> {
    return this.#guard.run(async () => {
      const { core } = this.#parts
      const weights = new Float32Array(parameterCount(this.network))
      const table = parameterTable(this.network)
      // The largest layer's weights are made in the memory behind everything else, then packed.
      const staging = this.#staging(Math.max(...table.map((entry) => entry.length)) * 4 + 64)
      this.network.layers.forEach((layer, index) => {
        const { offset, length } = table[2 * index]
        core.initializeWeights(staging, this.#fixed.scratch[0], layer.inputs, layer.outputs, index, seed)
        weights.set(this.#floats(staging, length), offset)
        const bias = table[2 * index + 1]
        weights.fill(INITIAL_BIAS, bias.offset, bias.offset + bias.length)
      })
      const zeros = new Float32Array(weights.length)
      this.#writeSlabs(weights, zeros, zeros)
      this.#adamSteps = 0
    })
  }

  writeState(state: ModelState): Promise<void> {
    return this.#guard.run(async () => {
      checkState(this.network, state)
      this.#writeSlabs(state.parameters, state.firstMoment, state.secondMoment)
      this.#adamSteps = state.steps
    })
  }

  readState(): Promise<ModelState> {
    return this.#guard.run(async () => ({
      parameters: this.#readSlab('weight', 'bias'),
      firstMoment: this.#readSlab('weightM', 'biasM'),
      secondMoment: this.#readSlab('weightV', 'biasV'),
      steps: this.#adamSteps,
    }))
  }

  trainEpoch(request: EpochRequest): Promise<EpochResult> {
    return this.#guard.run(async () => {
      const order = request.order ?? this.#shuffledOrder(request)
      const plan = planEpoch(this.network, this.#imageCount, { ...request, ...(order && { order }) })
      const set = this.#trainingSet as TrainingSetMap
      const steps = plan.steps - plan.firstStep
      const batchSize = Math.min(request.batchSize, Math.max(plan.order.length, 1))
      const work = this.#mapWork(batchSize)
      const batchLosses = this.#staging(steps * 8 + plan.order.length * 4)
      const orderAddress = batchLosses + steps * 8
      const { memory, core } = this.#parts
      new Uint32Array(memory.buffer, orderAddress, plan.order.length).set(plan.order)
      core.arrangeBatches(orderAddress, plan.order.length, batchSize, set.signatures, this.#fixed.scratch[0])
      const { signal, onProgress, learningRate, weightDecay, seed, epoch, noiseStd = 0 } = request
      const { stepsPerJob = Number.POSITIVE_INFINITY } = this.#parts
      let done = 0
      while (done < steps && !(done > 0 && signal?.aborted)) {
        const jobSteps = Math.min(stepsPerJob, steps - done)
        this.#writeJob({
          images: set.images,
          labels: this.#hasLabels ? set.labels : 0,
          order: orderAddress,
          orderCount: plan.order.length,
          batchSize,
          firstStep: plan.firstStep + done,
          steps: jobSteps,
          shardRows: this.#shardRows(batchSize),
          rowLosses: work.rowLosses,
          batchLosses: batchLosses + done * 8,
          adamSteps: this.#adamSteps,
          frozenLayers: plan.frozenLayers,
          learningRate,
          weightDecay,
          noiseStd,
          seed,
          epoch,
        })
        const before = plan.firstStep + done
        const report = onProgress && ((n: number) => onProgress({ stepsDone: before + n, steps: plan.steps }))
        const jobDone = await this.#train(jobSteps, batchSize, signal, report)
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

  reconstructionErrors(inputs: Inputs): Promise<Float64Array> {
    return this.#guard.run(async () => {
      if (this.network.loss !== 'mse') {
        throw new UsageError('reconstructionErrors: only for a network with loss mse')
      }
      return Float64Array.from(await this.#infer(inputs, 0, this.network.layers.length - 1, true))
    })
  }

  async dispose(): Promise<void> {
    if (this.#guard.closed) return
    this.#guard.close()
    Atomics.store(this.#control, CONTROL.abort, 1)
    await this.#parts.pool.close()
  }

  // ——— Training ———

  #shuffledOrder({ seed, epoch }: EpochRequest): Uint32Array | undefined {
    if (this.#imageCount === undefined) return undefined
    const order = this.#staging(this.#imageCount * 4)
    this.#parts.core.shuffleOrder(order, this.#fixed.scratch[0], this.#imageCount, seed, epoch)
    return new Uint32Array(this.#parts.memory.buffer, order, this.#imageCount).slice()
  }

  /** Runs the job that was written; returns the steps done, fewer than `steps` after a stop or a loss that is no number. */
  async #train(
    steps: number,
    batchSize: number,
    signal: AbortSignal | undefined,
    report: ((stepsDone: number) => void) | undefined,
  ): Promise<number> {
    const control = this.#resetControl()
    Atomics.store(control, CONTROL.endRound, steps + 1)
    const stop = () => Atomics.store(control, CONTROL.stop, 1)
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop)
    const shards = Math.ceil(batchSize / this.#shardRows(batchSize))
    const stepsDone = () => Math.floor(Atomics.load(control, CONTROL.shards) / shards)
    const progress = report && setInterval(() => report(stepsDone()), PROGRESS_INTERVAL_MS)
    try {
      await this.#runOnAllWorkers('train')
    } finally {
      clearInterval(progress)
      signal?.removeEventListener('abort', stop)
    }
    return Math.min(Atomics.load(control, CONTROL.endRound) - 1, steps)
  }

  /** Rows of a shard: the minibatch in as many equal parts as there are workers, in whole quads. */
  #shardRows(batchSize: number): number {
    return roundUp(Math.ceil(batchSize / this.#parts.pool.size), QUAD)
  }

  async #runOnAllWorkers(kind: WorkerTask['kind']): Promise<void> {
    const { pool } = this.#parts
    const outcomes = await Promise.allSettled(
      this.#fixed.scratch.map(async (scratch, worker) => {
        try {
          await pool.run({ kind, job: this.#fixed.job, scratch, worker })
        } catch (error) {
          // Nobody may wait for the work of the dead.
          Atomics.store(this.#control, CONTROL.abort, 1)
          Atomics.add(this.#control, CONTROL.wake, 1)
          Atomics.notify(this.#control, CONTROL.wake)
          throw error
        }
      }),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (!failed) return
    const cause = failed.reason instanceof Error ? failed.reason : new Error(String(failed.reason))
    const failure = new TrainingError(`a worker thread failed: ${cause.message}`, { cause })
    this.#guard.fail(failure)
    throw failure
  }

  // ——— Inference ———

  /** Layers firstLayer … lastLayer for all rows: outputs (n, outputs), or (n) row errors. */
  async #infer(
    inputs: Inputs,
    firstLayer: number,
    lastLayer: number,
    wantErrors = false,
  ): Promise<Float32Array> {
    const { layers } = this.network
    if (firstLayer > lastLayer) {
      countRows(inputs, layers[lastLayer].outputs, 'codes')
      return Float32Array.from(inputs)
    }
    const inputWidth = layers[firstLayer].inputs
    const outputWidth = wantErrors ? 1 : layers[lastLayer].outputs
    const rows = countRows(inputs, inputWidth, firstLayer === 0 ? 'inputs' : 'codes')
    const result = new Float32Array(rows * outputWidth)
    const isBytes = inputs instanceof Uint8Array
    const rowBytes = isBytes ? roundUp(inputWidth, PANEL) : inputWidth * 4
    for (let first = 0; first < rows; first += STAGED_ROWS) {
      const count = Math.min(STAGED_ROWS, rows - first)
      const work = this.#mapWork(1)
      const outputs = this.#staging(count * (outputWidth * 4 + rowBytes) + 64)
      const staged = outputs + roundUp(count * outputWidth * 4, 64)
      const chunk = inputs.subarray(first * inputWidth, (first + count) * inputWidth)
      if (isBytes) this.#copyPadded(chunk as Uint8Array, inputWidth, staged, count)
      else this.#floats(staged, chunk.length).set(chunk)
      this.#writeJob({
        rowLosses: work.rowLosses,
        inputKind: isBytes ? INPUT_BYTES : INPUT_FLOATS,
        inputs: staged,
        rows: count,
        firstLayer,
        lastLayer,
        outputs: wantErrors ? 0 : outputs,
        rowErrors: wantErrors ? outputs : 0,
        sliceRows: SLICE_ROWS,
      })
      this.#resetControl()
      await this.#runOnAllWorkers('infer')
      result.set(this.#floats(outputs, count * outputWidth), first * outputWidth)
    }
    return result
  }

  // ——— Memory ———

  get #control(): Int32Array {
    return new Int32Array(this.#parts.memory.buffer, this.#fixed.control, CONTROL_BYTES / 4)
  }

  #resetControl(): Int32Array {
    return this.#control.fill(0)
  }

  #bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#parts.memory.buffer, address, length)
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#parts.memory.buffer, address, length)
  }

  /** Address of `bytes` behind everything laid out so far; good until the next layout. */
  #staging(bytes: number): number {
    const start = this.#work?.end ?? this.#trainingSet?.end ?? this.#fixed.end
    growMemory(this.#parts.memory, start + bytes)
    return start
  }

  /** Buffers for at least `rows` rows, and for every worker's slice in inference. */
  #mapWork(rows: number): WorkMap {
    const needed = Math.max(roundUp(rows, QUAD), this.#parts.pool.size * SLICE_ROWS)
    if (!this.#work || this.#work.rowCapacity < needed) {
      const start = this.#trainingSet?.end ?? this.#fixed.end
      const work = mapWork(start, this.network, needed)
      if (work.end >= 2 ** 32) {
        throw new DeviceError(`batch size ${rows}: too large for a 32-bit memory at these network sizes`)
      }
      growMemory(this.#parts.memory, work.end)
      // Padding is read as zeros and never written: begin with zeros everywhere.
      this.#bytes(start, work.end - start).fill(0)
      this.#work = work
    }
    return this.#work
  }

  #writeJob(values: JobValues): void {
    const { memory, wideTile, pool, cores } = this.#parts
    const work = this.#work as WorkMap
    this.network.layers.forEach((layer, index) => {
      writeStruct(memory.buffer, this.#fixed.layers + index * LAYER_FIELDS.length * 4, LAYER_FIELDS, {
        inputs: layer.inputs,
        outputs: layer.outputs,
        activation: ACTIVATION_CODES[layer.activation],
        ...this.#fixed.parameters[index],
        ...work.activations[index],
      })
    })
    work.batches.forEach((batch, index) => {
      const address = this.#fixed.batches + index * BATCH_FIELDS.length * 4
      const input = values.noiseStd ? batch.input : batch.target
      writeStruct(memory.buffer, address, BATCH_FIELDS, { ...batch, input })
    })
    writeStruct(memory.buffer, this.#fixed.job, JOB_FIELDS, {
      layerCount: this.network.layers.length,
      layers: this.#fixed.layers,
      batches: this.#fixed.batches,
      control: this.#fixed.control,
      rowCapacity: work.rowCapacity,
      wideTile: wideTile ? 1 : 0,
      spins: pool.size <= cores ? SPINS : SPINS_OVERSUBSCRIBED,
      ...values,
    })
  }

  /** Byte rows of `width` to rows padded with zeros to whole panels. */
  #copyPadded(bytes: Uint8Array, width: number, address: number, rows: number): void {
    const stride = roundUp(width, PANEL)
    const target = this.#bytes(address, rows * stride)
    if (stride === width) {
      target.set(bytes)
      return
    }
    target.fill(0)
    for (let row = 0; row < rows; row++)
      target.set(bytes.subarray(row * width, (row + 1) * width), row * stride)
  }

  #writeSlabs(parameters: FloatArray, firstMoment: FloatArray, secondMoment: FloatArray): void {
    this.#writeSlab(parameters, 'weight', 'bias', true)
    this.#writeSlab(firstMoment, 'weightM', 'biasM', false)
    this.#writeSlab(secondMoment, 'weightV', 'biasV', false)
  }

  #writeSlab(
    slab: FloatArray,
    weightField: keyof LayerAddresses,
    biasField: keyof LayerAddresses,
    transpose: boolean,
  ): void {
    const table = parameterTable(this.network)
    this.network.layers.forEach((layer, index) => {
      const addresses = this.#fixed.parameters[index]
      const elems = packedWeightElems(layer)
      const weight = table[2 * index]
      packWeights(
        layer,
        slab.subarray(weight.offset, weight.offset + weight.length),
        this.#floats(addresses[weightField], elems),
        transpose && addresses.weightT ? this.#floats(addresses.weightT, elems) : undefined,
      )
      const bias = table[2 * index + 1]
      const packedBias = this.#floats(addresses[biasField], roundUp(bias.length, PANEL)).fill(0)
      packedBias.set(slab.subarray(bias.offset, bias.offset + bias.length))
    })
  }

  #readSlab(weightField: keyof LayerAddresses, biasField: keyof LayerAddresses): Float32Array {
    const slab = new Float32Array(parameterCount(this.network))
    const table = parameterTable(this.network)
    this.network.layers.forEach((layer, index) => {
      const addresses = this.#fixed.parameters[index]
      const weight = table[2 * index]
      unpackWeights(
        layer,
        this.#floats(addresses[weightField], packedWeightElems(layer)),
        slab.subarray(weight.offset, weight.offset + weight.length),
      )
      const bias = table[2 * index + 1]
      slab.set(this.#floats(addresses[biasField], bias.length), bias.offset)
    })
    return slab
  }
}
