"use strict";
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
var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.Job = exports.BatchPlan = exports.LayerPlan = exports.INPUT_FLOATS = exports.INPUT_BYTES = exports.ACTIVATION_SOFTMAX = exports.ACTIVATION_SIGMOID = exports.ACTIVATION_RELU = exports.ACTIVATION_IDENTITY = exports.TILE = exports.QUAD = exports.PANEL = void 0;
exports.roundUp = roundUp;
exports.layerAt = layerAt;
exports.batchAt = batchAt;
exports.rowsOfStep = rowsOfStep;
/** Columns of a panel: one register tile is QUAD × PANEL. */
exports.PANEL = 16;
/** Rows of a register tile. */
exports.QUAD = 4;
/** Floats of a register tile. */
exports.TILE = exports.QUAD * exports.PANEL;
exports.ACTIVATION_IDENTITY = 0;
exports.ACTIVATION_RELU = 1;
exports.ACTIVATION_SIGMOID = 2;
exports.ACTIVATION_SOFTMAX = 3;
exports.INPUT_BYTES = 0;
exports.INPUT_FLOATS = 1;
function roundUp(n, multiple) {
    return ((n + multiple - 1) / multiple) * multiple;
}
/** One layer: y = f(x Wᵀ + b). */
let LayerPlan = class LayerPlan {
    inputs;
    outputs;
    activation;
    /** Panels of Wᵀ: [O / 16][⌈I⌉][16]; padding is zero and stays zero. */
    weight;
    weightM;
    weightV;
    /** Panels of W: [I / 16][⌈O⌉][16], the operand of the input gradient; 0 for the first layer, which needs none. */
    weightT;
    /** [⌈O⌉] */
    bias;
    biasM;
    biasV;
    /** Outputs as row lists: [B / 4] counts, [B / 4][⌈O⌉] offsets, [B / 4][⌈O⌉][4] values; 0 for the last layer. */
    outputCounts;
    outputOffsets;
    outputValues;
    /** Outputs as column quads [O / 4][B][4]; 0 for the last layer. */
    outputColumns;
    /** ∂loss/∂(pre-activation) as panels [O / 16][B][16] and row quads [B / 4][⌈O⌉][4]. */
    delta;
    deltaRows;
};
exports.LayerPlan = LayerPlan;
exports.LayerPlan = LayerPlan = __decorate([
    unmanaged
], LayerPlan);
/** One of the two buffers that minibatches are gathered into in turn. */
let BatchPlan = class BatchPlan {
    /** What the network should give back: clean inputs as panels [I / 16][B][16]. */
    target;
    /** What the network sees, as panels; the same address as `target` unless noise is added. */
    input;
    /** What the network sees as row lists: [B / 4] counts, [B / 4][⌈I⌉] offsets, [B / 4][⌈I⌉][4] values. */
    rowCounts;
    rowOffsets;
    rowValues;
    /** What it sees as column lists: [I / 4] counts, [I / 4][B] byte offsets row · 64 into a panel of deltas, [I / 4][B][4] values. */
    columnCounts;
    columnOffsets;
    columnValues;
};
exports.BatchPlan = BatchPlan;
exports.BatchPlan = BatchPlan = __decorate([
    unmanaged
], BatchPlan);
/** What all workers read during one job; constant while it runs. */
let Job = class Job {
    /** Layers of the network, and where their `LayerPlan`s lie one after the other. */
    layerCount;
    layers;
    /** Two `BatchPlan`s, one after the other. */
    batches;
    /** Control words, see `schedule.ts`. */
    control;
    /** Rows that the activation buffers hold: the B of every layout above. */
    rowCapacity;
    /** 1: QUAD × 16 register tile for runtimes that fuse 128-bit operations to 256; 0: two QUAD × 8 tiles. */
    wideTile;
    /** How often a waiting worker looks before it sleeps. */
    spins;
    // Training
    /** [count][⌈I⌉] bytes, padded with zeros. */
    images;
    /** [count] bytes, or 0. */
    labels;
    /** [orderCount] image indices. */
    order;
    orderCount;
    batchSize;
    /** Steps of this call: minibatches firstStep, firstStep + 1, … of the order. */
    firstStep;
    steps;
    /** Rows of a shard, a multiple of QUAD: the unit of forward and backward work. */
    shardRows;
    /** [rowCapacity][16] partial sums of squared errors of each image, and [steps] float64 batch losses. */
    rowLosses;
    batchLosses;
    /** Adam steps taken before this call. */
    adamSteps;
    frozenLayers;
    learningRate;
    weightDecay;
    noiseStd;
    seed;
    epoch;
    // Inference
    /** `INPUT_BYTES`: [rows][⌈I⌉] bytes; `INPUT_FLOATS`: [rows][I] floats, of the first layer that runs. */
    inputKind;
    inputs;
    rows;
    /** Layers firstLayer … lastLayer run; output of lastLayer as [rows][O] floats, or 0 where not wanted. */
    firstLayer;
    lastLayer;
    outputs;
    /** [rows] float32 mean squared error of each row against its own input, or 0. */
    rowErrors;
    /** Rows of one worker's own slice of the activation buffers. */
    sliceRows;
};
exports.Job = Job;
exports.Job = Job = __decorate([
    unmanaged
], Job);
function layerAt(job, index) {
    return changetype(job.layers + index * offsetof());
}
/** The buffer of a step: steps alternate between the two. */
function batchAt(job, step) {
    return changetype(job.batches + (step & 1) * offsetof());
}
/** Images in minibatch `step` of the order: `batchSize`, or what is left for the last one. */
function rowsOfStep(job, step) {
    return min(job.batchSize, job.orderCount - step * job.batchSize);
}
