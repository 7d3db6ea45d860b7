/**
 * The host's twin of `assembly/plan.ts`: names and order of the 32-bit words that make up the structures in memory, and the
 * control words of `assembly/schedule.ts`. A test holds the sizes against those the module reports.
 */
export const PANEL = 40
export const PAIR = 2
/** Rows of a panel that the kernels take at a time, and rows of a segment of the inputs' column lists. */
export const BLOCK_ROWS = 5 * PANEL
export const SEGMENT_ROWS = 256
/** Bytes of an entry of a list. */
export const ENTRY_BYTES = 12

export const OPERAND_FIELDS = [
  'columns',
  'rowCapacity',
  'panels',
  'rowPairs',
  'rowLists',
  'rowMarks',
  'columnLists',
  'columnEnds',
  'segmentRows',
  'segments',
  'pairings',
] as const

export const LAYER_FIELDS = [
  'inputs',
  'outputs',
  'activation',
  'inputGradient',
  'weight',
  'weightM',
  'weightV',
  'weightT',
  'bias',
  'biasM',
  'biasV',
  'output',
  'delta',
  'deltaPairs',
] as const

export const BATCH_FIELDS = ['target', 'input'] as const

export const JOB_FIELDS = [
  'layerCount',
  'layers',
  'batches',
  'control',
  'rowCapacity',
  'wideTile',
  'spins',
  'loss',
  'rowKind',
  'rows',
  'rowBytes',
  'labels',
  'rowLosses',
  'order',
  'orderCount',
  'batchSize',
  'firstStep',
  'steps',
  'shardRows',
  'shards',
  'batchLosses',
  'adamSteps',
  'frozenLayers',
  'learningRate',
  'weightDecay',
  'noiseStd',
  'seed',
  'epoch',
  'rowCount',
  'firstLayer',
  'lastLayer',
  'outputs',
  'losses',
  'sliceRows',
] as const

/** The fields that are float32; all others are 32-bit integers. */
const FLOAT_FIELDS: ReadonlySet<string> = new Set(['learningRate', 'weightDecay', 'noiseStd'])

export const ACTIVATION_CODES = { identity: 0, relu: 1, sigmoid: 2, softmax: 3, tanh: 4 } as const
export const LOSS_CODES = { mse: 0, bce: 1, crossEntropy: 2 } as const
export const INPUT_GRADIENTS = { none: 0, dense: 1, sampled: 2 } as const
export const ROW_KINDS = { bytes: 0, floats: 1 } as const

/** Index, in 32-bit words from the control block, of each control word: one to a cache line of 64 bytes. */
export const CONTROL = {
  ticket: 0,
  gathered: 16,
  listed: 32,
  shards: 48,
  head: 64,
  last: 80,
  abort: 96,
  stop: 112,
  endRound: 128,
  sleepers: 144,
  wake: 160,
} as const
export const CONTROL_BYTES = 11 * 64

/** Writes named fields of one structure. Fields left out become 0. */
export function writeStruct<Field extends string>(
  memory: ArrayBufferLike,
  address: number,
  fields: readonly Field[],
  values: Partial<Record<Field, number>>,
): void {
  const view = new DataView(memory, address, fields.length * 4)
  fields.forEach((field, index) => {
    const value = values[field] ?? 0
    if (FLOAT_FIELDS.has(field)) view.setFloat32(index * 4, value, true)
    else view.setUint32(index * 4, value >>> 0, true)
  })
}
