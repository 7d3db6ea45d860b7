/**
 * The structures that the host writes into memory and the kernels read: what to compute and where everything
 * lies. Every field is one 32-bit word, in this order; the build writes the host's twin,
 * `src/engines/wasm/plan.ts`.
 *
 * Letters: B rows of a minibatch, I inputs and O outputs of a layer; ⌈n⌉ is n rounded up to a whole panel. A
 * *panel* groups 40 columns, a *pair* groups 2 rows or 2 columns. Four layouts carry everything:
 *
 *   panels       [column / 40][row][40]         operands read as vectors: weights, their transposes, deltas;
 *                                               inputs, hidden units
 *   row pairs    [row / 2][column][2]           dense operand broadcast over a panel: inputs of layers, input
 *                                               gradient
 *   lists        [pair][entry]                  sparse operand broadcast over a panel: of a pair of rows or
 *                                               columns only the places where not both are zero, see
 *                                               `operands/lists.ts`
 *   rows         [row][column]                  what goes in and out
 *
 * Addresses are multiples of 16. [B] stands for room for `rowCapacity` rows.
 */

/**
 * A matrix (rows, columns) as the products of a layer read it, whose inputs it is: what the network sees, or
 * the outputs of the layer before. Where many values are zero it lies in lists, else as row pairs and, for
 * the weight gradient, as the panels themselves. The choice changes no bit: only zeros are left out.
 */
@unmanaged
export class Operand {
  columns: i32
  /** Rows that there is room for: the B of every layout. */
  rowCapacity: i32
  /** Panels [columns / 40][B][40]. */
  panels: u32
  /** Row pairs [B / 2][⌈columns⌉][2]; 0 where there are lists. */
  rowPairs: u32
  /**
   * Row lists: entries [B / 2][⌈columns⌉], and addresses [B / 2][blocks + 1]. All that follows is 0 where
   * there are row pairs.
   */
  rowLists: u32
  rowMarks: u32
  /**
   * Column lists in segments of `segmentRows` rows: room for entries [⌈columns⌉ / 40][B][20], and ends
   * [⌈columns⌉ / 40][segments][20].
   */
  columnLists: u32
  columnEnds: u32
  segmentRows: i32
  segments: i32
  /**
   * Two pairings of the columns, [⌈columns⌉] 32-bit words each, see `operands/pairing.ts`; 0 where neighbours
   * are pairs.
   */
  pairings: u32
}

/** One layer: y = f(x Wᵀ + b). */
@unmanaged
export class LayerPlan {
  inputs: i32
  outputs: i32
  activation: i32
  /** An `INPUT_GRADIENT_…`. */
  inputGradient: i32
  /** Panels of Wᵀ: [O / 40][⌈I⌉][40]; padding is zero and stays zero. */
  weight: u32
  weightM: u32
  weightV: u32
  /** Panels of W: [I / 40][⌈O⌉][40], the operand of a dense input gradient; else 0. */
  weightT: u32
  /** [⌈O⌉] */
  bias: u32
  biasM: u32
  biasV: u32
  /** Outputs, or 0 for the last layer. */
  output: Operand
  /**
   * ∂loss/∂(pre-activation) as panels [O / 40][B][40]; and as row pairs where there is a dense input
   * gradient, else 0.
   */
  delta: u32
  deltaPairs: u32
}

/** One of the two buffers that minibatches are gathered into in turn. */
@unmanaged
export class BatchPlan {
  /** What the network should give back: clean inputs as panels [I / 40][B][40]. */
  target: u32
  /** What the network sees; its panels are `target` unless noise is added. */
  input: Operand
}

/** What all workers read during one job; constant while it runs. */
@unmanaged
export class Job {
  /** Layers of the network, and where their `LayerPlan`s lie one after the other. */
  layerCount: i32
  layers: u32
  /** Two `BatchPlan`s, one after the other. */
  batches: u32
  /** The control block, see `control.ts`. */
  control: u32
  /** Rows that the activation buffers hold: the B of every layout above. */
  rowCapacity: i32
  /** 1: PAIR × 40 register tile for runtimes that fuse 128-bit operations to 256; 0: two PAIR × 20 tiles. */
  wideTile: i32
  /** How often a waiting worker looks before it sleeps. */
  spins: i32
  /** What each worker's region of memory holds, see `scratch.ts`. */
  workerBytes: u32
  /** A `LOSS_…`: the network's in training, in inference the one that rows are judged by. */
  loss: i32

  // Rows: the training set, or those of an inference.
  /** `ROWS_BYTES` or `ROWS_FLOATS`; in inference they are inputs of the first layer that runs. */
  rowKind: i32
  /** Rows of `rowBytes` bytes each; those of bytes are padded with zeros, see `rowBytesOf`. */
  rows: u32
  rowBytes: i32
  /** [rows] bytes, the class of each, or 0. */
  labels: u32
  /** [rowCapacity][8] partial sums of the losses of each row. */
  rowLosses: u32

  // Training
  /** [orderCount] indices of rows. */
  order: u32
  orderCount: i32
  batchSize: i32
  /** Steps of this call: minibatches firstStep, firstStep + 1, … of the order. */
  firstStep: i32
  steps: i32
  /**
   * Rows of a shard, a multiple of PAIR: the unit of forward and backward work; and how many shards a
   * minibatch has.
   */
  shardRows: i32
  shards: i32
  /** [steps] float64 losses of the minibatches. */
  batchLosses: u32
  /** Adam steps taken before this call. */
  adamSteps: i32
  frozenLayers: i32
  /** [steps] float32. */
  learningRates: u32
  weightDecay: f32
  noiseStd: f32
  seed: u32
  epoch: u32

  // Inference
  rowCount: i32
  /**
   * Layers firstLayer … lastLayer run; output of lastLayer as [rowCount][O] floats, or 0 where not wanted.
   */
  firstLayer: i32
  lastLayer: i32
  outputs: u32
  /** [rowCount] float32 losses of the rows, or 0. */
  losses: u32
  /** Rows of one worker's own slice of the activation buffers. */
  sliceRows: i32
}

export function layerAt(job: Job, index: i32): LayerPlan {
  return changetype<LayerPlan>(<usize>job.layers + <usize>index * offsetof<LayerPlan>())
}

/** The inputs of layer `index`. */
export function operandAt(job: Job, batch: BatchPlan, index: i32): Operand {
  return index === 0 ? batch.input : layerAt(job, index - 1).output
}

/** The buffer of a step: steps alternate between the two. */
export function batchAt(job: Job, step: i32): BatchPlan {
  return changetype<BatchPlan>(<usize>job.batches + <usize>(step & 1) * offsetof<BatchPlan>())
}

/** Images in minibatch `step` of the order: `batchSize`, or what is left for the last one. */
export function rowsOfStep(job: Job, step: i32): i32 {
  return min(job.batchSize, job.orderCount - step * job.batchSize)
}
