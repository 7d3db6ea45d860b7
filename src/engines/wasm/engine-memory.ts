/**
 * The engine's view of the one shared memory: what lies where at the moment, and how parameters, images and
 * jobs get in and out. The map itself is drawn in `memory-map.ts`.
 */
import { DeviceError } from '../../errors.ts'
import type { Network } from '../../model/network.ts'
import { inputSize, parameterCount, parameterTable } from '../../model/network.ts'
import type { FloatArray, ModelState } from '../../model/state.ts'
import type { Inputs } from '../engine.ts'
import { inputGradientOf, type OperandChoice } from './algorithms.ts'
import { ControlBlock } from './control.ts'
import type { CoreExports } from './core.ts'
import { growMemory } from './memory.ts'
import type { FixedMap, LayerAddresses, TrainingSetMap, WorkMap } from './memory-map.ts'
import { mapFixed, mapTrainingSet, mapWork } from './memory-map.ts'
import { byteRowBytes, roundUp } from './packing.ts'
import {
  ACTIVATION,
  BatchPlan,
  FLOAT,
  INPUT_GRADIENT,
  Job,
  LayerPlan,
  Operand,
  PAIR,
  PANEL,
  SEGMENT_ROWS,
} from './plan.ts'
import { type Structure, type ValuesOf, writeStructure } from './structures.ts'

/** Rows of one worker's slice of the activation buffers in inference. */
export const SLICE_ROWS = 64
/**
 * Most rows of a shard: its activations and deltas stay in a core's second cache, and so much of a panel of
 * deltas in the first.
 */
export const SHARD_ROWS = 128

/**
 * How a minibatch is divided into the pieces of forward and backward work: as many equal ones as it takes, in
 * whole pairs.
 */
export interface Sharding {
  readonly shardRows: number
  readonly shards: number
}

export function shardsOf(batchSize: number, workers: number): Sharding {
  const atLeast = Math.max(workers, Math.ceil(batchSize / SHARD_ROWS))
  const shardRows = roundUp(Math.ceil(batchSize / atLeast), PAIR)
  return { shardRows, shards: Math.ceil(batchSize / shardRows) }
}

export type JobValues = ValuesOf<typeof Job>

export class EngineMemory {
  readonly fixed: FixedMap
  readonly #network: Network
  readonly #core: CoreExports
  readonly #memory: WebAssembly.Memory
  readonly #workers: number
  readonly #workerBytes: number
  readonly #operands: OperandChoice
  #trainingSet: TrainingSetMap | undefined
  #work: WorkMap | undefined

  constructor(
    network: Network,
    core: CoreExports,
    memory: WebAssembly.Memory,
    workers: number,
    operands: OperandChoice,
  ) {
    this.#network = network
    this.#core = core
    this.#memory = memory
    this.#workers = workers
    this.#operands = operands
    const widest = Math.max(...network.layers.map((layer) => layer.outputs))
    this.#workerBytes = core.workerBytes(inputSize(network), widest)
    this.fixed = mapFixed(network, workers, this.#workerBytes)
    growMemory(memory, this.fixed.end)
  }

  /** The control block. */
  get control(): ControlBlock {
    return new ControlBlock(this.#memory.buffer, this.fixed.control)
  }

  /**
   * Makes room for a training set after the parameters; what lay there is lost. `at`: where the rows lie
   * already, if they do.
   */
  placeTrainingSet(count: number, rowBytes: number, at?: number): TrainingSetMap {
    const map = mapTrainingSet(this.fixed.end, count, rowBytes, at)
    growMemory(this.#memory, map.end)
    this.#trainingSet = map
    this.#work = undefined
    return map
  }

  /** The same where so much memory can be had; else undefined. */
  tryPlaceTrainingSet(count: number, rowBytes: number): TrainingSetMap | undefined {
    try {
      return this.placeTrainingSet(count, rowBytes)
    } catch (error) {
      if (error instanceof DeviceError) return undefined
      throw error
    }
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, length)
  }

  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, length)
  }

  /** Address of `bytes` after everything laid out so far; good until the next layout. */
  staging(bytes: number): number {
    const start = this.#work?.end ?? this.#trainingSet?.end ?? this.fixed.end
    growMemory(this.#memory, start + bytes)
    return start
  }

  /** Buffers for at least `rows` rows, and for every worker's slice in inference. */
  workFor(rows: number): WorkMap {
    const needed = Math.max(roundUp(rows, PAIR), this.#workers * SLICE_ROWS)
    if (!this.#work || this.#work.rowCapacity < needed) {
      const start = this.#trainingSet?.end ?? this.fixed.end
      const mostShards = Math.max(this.#workers, Math.ceil(needed / SHARD_ROWS))
      const work = mapWork(start, this.#network, needed, mostShards, this.#operands)
      if (work.end >= 2 ** 32) {
        throw new DeviceError(`batch size ${rows}: too large for a 32-bit memory at these network sizes`)
      }
      // Padding is read as zeros and never written: begin with zeros everywhere. Memory that is new is zero.
      const used = Math.min(work.end, this.#memory.buffer.byteLength)
      this.bytes(start, Math.max(used - start, 0)).fill(0)
      growMemory(this.#memory, work.end)
      // Until units have fired, neighbours are pairs.
      for (const [index, { output }] of work.activations.entries()) {
        if (!output?.pairings) continue
        const { pairings } = output
        const columns = roundUp(this.#network.layers[index].outputs, PANEL)
        const words = new Uint32Array(this.#memory.buffer, pairings, 2 * columns)
        words.forEach((_, i) => {
          words[i] = i % PANEL
        })
      }
      this.#work = work
    }
    return this.#work
  }

  /**
   * Writes what all workers read: layers, minibatch buffers, and the job with `values`. Needs `workFor`
   * before. `listsInputs`: the first layer reads lists, not row pairs.
   */
  writeJob(values: JobValues, listsInputs: boolean): void {
    const work = this.#work as WorkMap
    const { layers } = this.#network
    const { rowCapacity } = work
    layers.forEach((layer, index) => {
      const { output, delta, deltaPairs } = work.activations[index]
      const { shardRows, shards } = values
      this.#write(this.fixed.layers, index, LayerPlan, {
        inputs: layer.inputs,
        outputs: layer.outputs,
        activation: ACTIVATION[layer.activation],
        inputGradient: INPUT_GRADIENT[inputGradientOf(this.#network, index)],
        ...this.fixed.parameters[index],
        output: output
          ? this.#writeOperand(2 + index, {
              ...output,
              columns: layer.outputs,
              rowCapacity,
              ...(shards && shardRows && { segments: shards, segmentRows: shardRows }),
            })
          : 0,
        delta,
        deltaPairs,
      })
    })
    work.batches.forEach(({ target, input }, index) => {
      const { rowPairs, panels, ...lists } = input
      this.#write(this.fixed.batches, index, BatchPlan, {
        target,
        input: this.#writeOperand(index, {
          columns: layers[0].inputs,
          rowCapacity,
          panels: values.noiseStd ? panels : target,
          ...(listsInputs
            ? { ...lists, segmentRows: SEGMENT_ROWS, segments: Math.ceil(rowCapacity / SEGMENT_ROWS) }
            : { rowPairs }),
        }),
      })
    })
    this.#write(this.fixed.job, 0, Job, {
      layerCount: layers.length,
      layers: this.fixed.layers,
      batches: this.fixed.batches,
      control: this.fixed.control,
      rowCapacity,
      workerBytes: this.#workerBytes,
      ...values,
    })
  }

  /**
   * The structure `index` of those that lie one after the other from `address` on. Returns its own address.
   */
  #write<S extends Structure>(address: number, index: number, structure: S, values: ValuesOf<S>): number {
    const at = address + index * structure.bytes
    writeStructure(this.#memory.buffer, at, structure, values)
    return at
  }

  #writeOperand(index: number, values: ValuesOf<typeof Operand>): number {
    return this.#write(this.fixed.operands, index, Operand, values)
  }

  /** Rows of `width` values to `address`: bytes to rows padded with zeros, floats as float32. */
  copyRows(rows: Inputs, width: number, address: number): void {
    if (!(rows instanceof Uint8Array)) {
      this.floats(address, rows.length).set(rows)
      return
    }
    const rowBytes = byteRowBytes(width)
    const count = rows.length / width
    const target = this.bytes(address, count * rowBytes)
    if (rowBytes === width) {
      target.set(rows)
      return
    }
    target.fill(0)
    for (let row = 0; row < count; row++)
      target.set(rows.subarray(row * width, (row + 1) * width), row * rowBytes)
  }

  /** Replaces parameters and moments, canonical slabs all three. */
  writeState(state: Omit<ModelState, 'steps'>): void {
    for (const _ of this.writeSlabs(state));
  }

  /** The same, one slab at each step. */
  *writeSlabs({ parameters, firstMoment, secondMoment }: Omit<ModelState, 'steps'>): Generator<void> {
    this.#writeSlab(parameters, 'weight', 'bias', true)
    yield
    this.#writeSlab(firstMoment, 'weightM', 'biasM', false)
    yield
    this.#writeSlab(secondMoment, 'weightV', 'biasV', false)
  }

  #writeSlab(
    slab: FloatArray,
    weightField: keyof LayerAddresses,
    biasField: keyof LayerAddresses,
    transpose: boolean,
  ): void {
    const table = parameterTable(this.#network)
    this.#network.layers.forEach(({ inputs, outputs }, index) => {
      const addresses = this.fixed.parameters[index]
      const weight = table[2 * index]
      const canonical = this.staging(weight.length * FLOAT)
      this.floats(canonical, weight.length).set(slab.subarray(weight.offset, weight.offset + weight.length))
      const transposed = transpose ? addresses.weightT : 0
      this.#core.packWeights(addresses[weightField], transposed, canonical, inputs, outputs)
      const bias = table[2 * index + 1]
      const packedBias = this.floats(addresses[biasField], roundUp(bias.length, PANEL)).fill(0)
      packedBias.set(slab.subarray(bias.offset, bias.offset + bias.length))
    })
  }

  /** Parameters and moments as canonical slabs of their own. */
  readState(): Omit<ModelState, 'steps'> {
    return {
      parameters: this.#readSlab('weight', 'bias'),
      firstMoment: this.#readSlab('weightM', 'biasM'),
      secondMoment: this.#readSlab('weightV', 'biasV'),
    }
  }

  #readSlab(weightField: keyof LayerAddresses, biasField: keyof LayerAddresses): Float32Array {
    const slab = new Float32Array(parameterCount(this.#network))
    const table = parameterTable(this.#network)
    this.#network.layers.forEach(({ inputs, outputs }, index) => {
      const addresses = this.fixed.parameters[index]
      const weight = table[2 * index]
      const canonical = this.staging(weight.length * FLOAT)
      this.#core.unpackWeights(canonical, addresses[weightField], inputs, outputs)
      slab.set(this.floats(canonical, weight.length), weight.offset)
      const bias = table[2 * index + 1]
      slab.set(this.floats(addresses[biasField], bias.length), bias.offset)
    })
    return slab
  }
}
