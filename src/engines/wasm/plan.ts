/** Written by the build out of assembly/plan/, where everything here is explained: change it there. */
export const PANEL = 40
export const PAIR = 2
export const PANEL_PAIRS = 20
export const FLOAT = 4
export const WORD = 4
export const DOUBLE = 8
export const ROW = 160
export const PAIR_ROWS = 320
export const PAIR_BYTES = 8
export const ENTRY = 12
export const LINE = 64
export const BLOCK_ROWS = 200
export const DENSE_BLOCK_ROWS = 120
export const SEGMENT_ROWS = 256
export const BYTE_GROUP = 8
export const LOSS_LANES = 8
export const LOSS_ROW = 32
export const SIGNATURE_BITS = 64
export const TILE_TWENTIES = 0
export const TILE_FORTY = 1
export const TILE_TWENTY = 2

export const ACTIVATION = {
  identity: 0,
  relu: 1,
  sigmoid: 2,
  softmax: 3,
  tanh: 4,
} as const

export const INPUT_GRADIENT = {
  none: 0,
  dense: 1,
  sampled: 2,
} as const

export const LOSS = {
  mse: 0,
  bce: 1,
  crossEntropy: 2,
} as const

export const ROWS = {
  bytes: 0,
  floats: 1,
} as const
export const BYTES_OF_CONTROL = 704

export const CONTROL = {
  ticket: 0,
  gathered: 64,
  listed: 128,
  shards: 192,
  head: 256,
  last: 320,
  abort: 384,
  stop: 448,
  endRound: 512,
  sleepers: 576,
  wake: 640,
} as const

export const Operand = {
  bytes: 44,
  fields: {
    columns: { at: 0, type: 'i32' },
    rowCapacity: { at: 4, type: 'i32' },
    panels: { at: 8, type: 'i32' },
    rowPairs: { at: 12, type: 'i32' },
    rowLists: { at: 16, type: 'i32' },
    rowMarks: { at: 20, type: 'i32' },
    columnLists: { at: 24, type: 'i32' },
    columnEnds: { at: 28, type: 'i32' },
    segmentRows: { at: 32, type: 'i32' },
    segments: { at: 36, type: 'i32' },
    pairings: { at: 40, type: 'i32' },
  },
} as const

export const LayerPlan = {
  bytes: 56,
  fields: {
    inputs: { at: 0, type: 'i32' },
    outputs: { at: 4, type: 'i32' },
    activation: { at: 8, type: 'i32' },
    inputGradient: { at: 12, type: 'i32' },
    weight: { at: 16, type: 'i32' },
    weightM: { at: 20, type: 'i32' },
    weightV: { at: 24, type: 'i32' },
    weightT: { at: 28, type: 'i32' },
    bias: { at: 32, type: 'i32' },
    biasM: { at: 36, type: 'i32' },
    biasV: { at: 40, type: 'i32' },
    output: { at: 44, type: 'i32' },
    delta: { at: 48, type: 'i32' },
    deltaPairs: { at: 52, type: 'i32' },
  },
} as const

export const BatchPlan = {
  bytes: 8,
  fields: {
    target: { at: 0, type: 'i32' },
    input: { at: 4, type: 'i32' },
  },
} as const

export const Job = {
  bytes: 140,
  fields: {
    layerCount: { at: 0, type: 'i32' },
    layers: { at: 4, type: 'i32' },
    batches: { at: 8, type: 'i32' },
    control: { at: 12, type: 'i32' },
    rowCapacity: { at: 16, type: 'i32' },
    wideTile: { at: 20, type: 'i32' },
    spins: { at: 24, type: 'i32' },
    workerBytes: { at: 28, type: 'i32' },
    loss: { at: 32, type: 'i32' },
    rowKind: { at: 36, type: 'i32' },
    rows: { at: 40, type: 'i32' },
    rowBytes: { at: 44, type: 'i32' },
    labels: { at: 48, type: 'i32' },
    rowLosses: { at: 52, type: 'i32' },
    order: { at: 56, type: 'i32' },
    orderCount: { at: 60, type: 'i32' },
    batchSize: { at: 64, type: 'i32' },
    firstStep: { at: 68, type: 'i32' },
    steps: { at: 72, type: 'i32' },
    shardRows: { at: 76, type: 'i32' },
    shards: { at: 80, type: 'i32' },
    batchLosses: { at: 84, type: 'i32' },
    adamSteps: { at: 88, type: 'i32' },
    frozenLayers: { at: 92, type: 'i32' },
    learningRates: { at: 96, type: 'i32' },
    weightDecay: { at: 100, type: 'f32' },
    noiseStd: { at: 104, type: 'f32' },
    seed: { at: 108, type: 'i32' },
    epoch: { at: 112, type: 'i32' },
    rowCount: { at: 116, type: 'i32' },
    firstLayer: { at: 120, type: 'i32' },
    lastLayer: { at: 124, type: 'i32' },
    outputs: { at: 128, type: 'i32' },
    losses: { at: 132, type: 'i32' },
    sliceRows: { at: 136, type: 'i32' },
  },
} as const
