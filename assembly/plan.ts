/**
 * The structures that the host writes into memory and the kernels read: what to compute and where everything lies.
 * The host's twin is `src/engines/wasm/plan.ts`; every field is one 32-bit word, in this order.
 *
 * Sizes are counted in elements (rows, columns, images), never in bytes. Addresses are byte addresses, multiples of 16.
 *
 * Letters: B rows (images) of a minibatch, I inputs and O outputs of a layer; ⌈n⌉ is n rounded up to a whole panel.
 * A *panel* groups 40 columns, a *pair* groups 2 rows or 2 columns. Five layouts carry everything:
 *
 *   panels        [column / 40][row][40]     operands read as vectors: weights, their transposes, deltas; pixels, hidden units
 *   row pairs     [row / 2][column][2]       dense operand broadcast over a panel: input gradient
 *   pair panels   [row / 2][column / 40][2][40]   operand of dot products: input gradient behind a ReLU
 *   lists         [pair][entry]              sparse operand broadcast over a panel: of a pair of rows or columns only the
 *                                            places where not both are zero, see `lists.ts`
 *   rows          [row][column]              what goes in and out
 */

/** Columns of a panel: one register tile is PAIR × PANEL. */
export const PANEL: i32 = 40
/** Bytes of a panel's row. */
export const ROW: usize = 160
/** Rows of a register tile. */
export const PAIR: i32 = 2
/** Bytes of two rows of a panel. */
export const PAIR_ROWS: usize = 2 * ROW
/** Rows of a panel that stay in the first cache, 32 kB, while every pair of the other operand meets them; whole panels. */
export const BLOCK_ROWS: i32 = 5 * PANEL
/** Rows of one segment of the inputs' column lists: so much of a panel of deltas, 41 kB, stays in the first cache. */
export const SEGMENT_ROWS: i32 = 256

export const ACTIVATION_IDENTITY: i32 = 0
export const ACTIVATION_RELU: i32 = 1
export const ACTIVATION_SIGMOID: i32 = 2
export const ACTIVATION_SOFTMAX: i32 = 3

export const INPUT_BYTES: i32 = 0
export const INPUT_FLOATS: i32 = 1

export function roundUp(n: i32, multiple: i32): i32 {
  return ((n + multiple - 1) / multiple) * multiple
}

/** Pieces of `each` that `total` takes, the last one perhaps smaller. */
export function pieces(total: i32, each: i32): i32 {
  return (total + each - 1) / each
}

/** One layer: y = f(x Wᵀ + b). */
@unmanaged
export class LayerPlan {
  inputs: i32
  outputs: i32
  activation: i32
  /** Panels of Wᵀ: [O / 40][⌈I⌉][40]; padding is zero and stays zero. */
  weight: u32
  weightM: u32
  weightV: u32
  /** Panels of W: [I / 40][⌈O⌉][40], the operand of a dense input gradient; 0 where there is none, see `isSampled`. */
  weightT: u32
  /** [⌈O⌉] */
  bias: u32
  biasM: u32
  biasV: u32
  /** Outputs as panels [O / 40][B][40]; this and the lists are 0 for the last layer. */
  output: u32
  /** Outputs as row lists: entries [B / 2][⌈O⌉], and addresses [B / 2][blocks + 1]. */
  rowLists: u32
  rowMarks: u32
  /** Outputs as column lists, one segment a shard: entries [O / 2][B], and ends [O / 2][shards]. */
  columnLists: u32
  columnEnds: u32
  /** Two pairings of the columns, [⌈O⌉] 32-bit words each, see `pairing.ts`. */
  pairings: u32
  /** ∂loss/∂(pre-activation) as panels [O / 40][B][40]; and as row pairs, or as pair panels where the input gradient is sampled. */
  delta: u32
  deltaPairs: u32
}

/** One of the two buffers that minibatches are gathered into in turn. */
@unmanaged
export class BatchPlan {
  /** What the network should give back: clean inputs as panels [I / 40][B][40]. */
  target: u32
  /** What the network sees, as panels; the same address as `target` unless noise is added. */
  input: u32
  /** What the network sees as row lists: entries [B / 2][⌈I⌉], and addresses [B / 2][blocks + 1]. */
  rowLists: u32
  rowMarks: u32
  /** What it sees as column lists in segments of SEGMENT_ROWS: entries [I / 2][B], and ends [I / 2][segments]. */
  columnLists: u32
  columnEnds: u32
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
  /** 1: PAIR × 40 register tile for runtimes that fuse 128-bit operations to 256; 0: two PAIR × 20 tiles. */
  wideTile: i32
  /** How often a waiting worker looks before it sleeps. */
  spins: i32

  // Training
  /** [count][I] bytes, rows padded with zeros to a multiple of 8. */
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
  /** Rows of a shard, a multiple of PAIR: the unit of forward and backward work; and how many shards a minibatch has. */
  shardRows: i32
  shards: i32
  /** [rowCapacity][8] partial sums of squared errors of each image, and [steps] float64 batch losses. */
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
  /** `INPUT_BYTES`: [rows][I] bytes, rows padded as those of `images`; `INPUT_FLOATS`: [rows][I] floats, of the first layer that runs. */
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

/** Whether the gradient of a layer's inputs, if it is wanted, is computed only where the ReLU before it lets it pass (`sddmm.ts`). */
export function isSampled(layer: LayerPlan): bool {
  return layer.weightT === 0
}

/** The buffer of a step: steps alternate between the two. */
export function batchAt(job: Job, step: i32): BatchPlan {
  return changetype<BatchPlan>(<usize>job.batches + <usize>(step & 1) * offsetof<BatchPlan>())
}

/** Images in minibatch `step` of the order: `batchSize`, or what is left for the last one. */
export function rowsOfStep(job: Job, step: i32): i32 {
  return min(job.batchSize, job.orderCount - step * job.batchSize)
}
