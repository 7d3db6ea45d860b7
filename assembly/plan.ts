/**
 * The structures that the host writes into memory and the kernels read: what to compute and where everything lies.
 * The host's twin is `src/engines/wasm/plan.ts`; every field is one 32-bit word, in this order.
 *
 * Sizes are counted in elements (rows, columns, images), never in bytes. Addresses are byte addresses, multiples of 16.
 *
 * Letters: B rows (images) of a minibatch, I inputs and O outputs of a layer; ⌈n⌉ is n rounded up to a whole panel.
 * A *panel* groups 16 columns, a *quad* groups 4. Six layouts carry everything:
 *
 *   panels        [column / 16][row][16]     operands read as vectors: weights, their transposes, deltas; pixels
 *   row quads     [row / 4][column][4]       operands broadcast over a panel when rows are images: input gradient
 *   row lists     as row quads, but only the quads that are not all zero: forward. For each row / 4 a count, byte offsets
 *                 column · 64 into a panel of weights, and values [4]
 *   column quads  [column / 4][row][4]       operands broadcast when columns are inputs: weight gradient
 *   column lists  as column quads, but only the quads that are not all zero: weight gradient of the first layer
 *   rows          [row][column]              what goes in and out
 */

/** Columns of a panel: one register tile is QUAD × PANEL. */
export const PANEL: i32 = 16
/** Rows of a register tile. */
export const QUAD: i32 = 4

export const ACTIVATION_IDENTITY: i32 = 0
export const ACTIVATION_RELU: i32 = 1
export const ACTIVATION_SIGMOID: i32 = 2
export const ACTIVATION_SOFTMAX: i32 = 3

export const INPUT_BYTES: i32 = 0
export const INPUT_FLOATS: i32 = 1

export function roundUp(n: i32, multiple: i32): i32 {
  return ((n + multiple - 1) / multiple) * multiple
}

/** One layer: y = f(x Wᵀ + b). */
@unmanaged
export class LayerPlan {
  inputs: i32
  outputs: i32
  activation: i32
  /** Panels of Wᵀ: [O / 16][⌈I⌉][16]; padding is zero and stays zero. */
  weight: u32
  weightM: u32
  weightV: u32
  /** Panels of W: [I / 16][⌈O⌉][16], the operand of the input gradient; 0 for the first layer, which needs none. */
  weightT: u32
  /** [⌈O⌉] */
  bias: u32
  biasM: u32
  biasV: u32
  /** Outputs as row lists: [B / 4] counts, [B / 4][⌈O⌉] offsets, [B / 4][⌈O⌉][4] values; 0 for the last layer. */
  outputCounts: u32
  outputOffsets: u32
  outputValues: u32
  /** Outputs as column quads [O / 4][B][4]; 0 for the last layer. */
  outputColumns: u32
  /** ∂loss/∂(pre-activation) as panels [O / 16][B][16] and row quads [B / 4][⌈O⌉][4]. */
  delta: u32
  deltaRows: u32
}

/** One of the two buffers that minibatches are gathered into in turn. */
@unmanaged
export class BatchPlan {
  /** What the network should give back: clean inputs as panels [I / 16][B][16]. */
  target: u32
  /** What the network sees, as panels; the same address as `target` unless noise is added. */
  input: u32
  /** What the network sees as row lists: [B / 4] counts, [B / 4][⌈I⌉] offsets, [B / 4][⌈I⌉][4] values. */
  rowCounts: u32
  rowOffsets: u32
  rowValues: u32
  /** What it sees as column lists: [I / 4] counts, [I / 4][B] byte offsets row · 64 into a panel of deltas, [I / 4][B][4] values. */
  columnCounts: u32
  columnOffsets: u32
  columnValues: u32
}

/** What all workers read during one job; constant while it runs. */
@unmanaged
export class Job {
  /** Layers of the network, and where their `LayerPlan`s lie one after the other. */
  layerCount: i32
  layers: u32
  /** Two `BatchPlan`s, one after the other. */
  batches: u32
  /** Control words, see `schedule.ts`. */
  control: u32
  /** Rows that the activation buffers hold: the B of every layout above. */
  rowCapacity: i32
  /** 1: QUAD × 16 register tile for runtimes that fuse 128-bit operations to 256; 0: two QUAD × 8 tiles. */
  wideTile: i32
  /** How often a waiting worker looks before it sleeps. */
  spins: i32

  // Training
  /** [count][⌈I⌉] bytes, padded with zeros. */
  images: u32
  /** [count] bytes, or 0. */
  labels: u32
  /** [orderCount] image indices. */
  order: u32
  orderCount: i32
  batchSize: i32
  /** Steps of this call: minibatches firstStep, firstStep + 1, … of the order. */
  firstStep: i32
  steps: i32
  /** Rows of a shard, a multiple of QUAD: the unit of forward and backward work. */
  shardRows: i32
  /** [rowCapacity][16] partial sums of squared errors of each image, and [steps] float64 batch losses. */
  rowLosses: u32
  batchLosses: u32
  /** Adam steps taken before this call. */
  adamSteps: i32
  frozenLayers: i32
  learningRate: f32
  weightDecay: f32
  noiseStd: f32
  seed: u32
  epoch: u32

  // Inference
  /** `INPUT_BYTES`: [rows][⌈I⌉] bytes; `INPUT_FLOATS`: [rows][I] floats, of the first layer that runs. */
  inputKind: i32
  inputs: u32
  rows: i32
  /** Layers firstLayer … lastLayer run; output of lastLayer as [rows][O] floats, or 0 where not wanted. */
  firstLayer: i32
  lastLayer: i32
  outputs: u32
  /** [rows] float32 mean squared error of each row against its own input, or 0. */
  rowErrors: u32
  /** Rows of one worker's own slice of the activation buffers. */
  sliceRows: i32
}

export function layerAt(job: Job, index: i32): LayerPlan {
  return changetype<LayerPlan>(<usize>job.layers + <usize>index * offsetof<LayerPlan>())
}

/** The buffer of a step: steps alternate between the two. */
export function batchAt(job: Job, step: i32): BatchPlan {
  return changetype<BatchPlan>(<usize>job.batches + <usize>(step & 1) * offsetof<BatchPlan>())
}

/** Images in minibatch `step` of the order: `batchSize`, or what is left for the last one. */
export function rowsOfStep(job: Job, step: i32): i32 {
  return min(job.batchSize, job.orderCount - step * job.batchSize)
}
