"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.forwardHidden = forwardHidden;
exports.forwardLoss = forwardLoss;
exports.backwardInput = backwardInput;
exports.updatePanel = updatePanel;
exports.batchLoss = batchLoss;
exports.inferRows = inferRows;
/**
 * The phases of a training step and of inference, each for a range of rows (images) or of panels: which worker calls them, and
 * when, is `schedule.ts`. Forward reads as the network, backward as its mirror.
 */
const adam_1 = require("./adam");
const gather_1 = require("./gather");
const gemm_1 = require("./gemm");
const layouts_1 = require("./layouts");
const plan_1 = require("./plan");
const softmax_1 = require("./softmax");
const tiles_1 = require("./tiles");
/** The tile of sums x Wᵀ for quad `quad` of rows and panel `panel` of outputs of layer `index`. */
function forwardTile(job, batch, index, tile, quad, panel) {
    const layer = (0, plan_1.layerAt)(job, index);
    const paddedInputs = (0, plan_1.roundUp)(layer.inputs, plan_1.PANEL);
    const list = (quad * paddedInputs);
    let counts = batch.rowCounts;
    let offsets = batch.rowOffsets;
    let values = batch.rowValues;
    if (index > 0) {
        const before = (0, plan_1.layerAt)(job, index - 1);
        counts = before.outputCounts;
        offsets = before.outputOffsets;
        values = before.outputValues;
    }
    (0, gemm_1.spmmTile)(job.wideTile !== 0, tile, values + (list << 4), offsets + (list << 2), layer.weight + ((panel * paddedInputs) << 6), load(counts + (quad << 2)));
}
/** Hidden layer `index` for rows [row0, row1): y = f(x Wᵀ + b). Panels outside: a panel of weights serves all rows from cache. */
function forwardHidden(job, batch, index, tile, row0, row1) {
    const layer = (0, plan_1.layerAt)(job, index);
    const paddedOutputs = (0, plan_1.roundUp)(layer.outputs, plan_1.PANEL);
    for (let column = 0; column < paddedOutputs; column += plan_1.PANEL) {
        for (let row = row0; row < row1; row += plan_1.QUAD) {
            forwardTile(job, batch, index, tile, row / plan_1.QUAD, column / plan_1.PANEL);
            (0, tiles_1.finishHidden)(job, layer, tile, row, column, paddedOutputs);
        }
    }
}
/** Last layer for rows [row0, row1) of a minibatch of `rows`: outputs, loss of each row, and δ. */
function forwardLoss(job, batch, step, tile, row0, row1) {
    const index = job.layerCount - 1;
    const layer = (0, plan_1.layerAt)(job, index);
    const rows = (0, plan_1.rowsOfStep)(job, step);
    const paddedOutputs = (0, plan_1.roundUp)(layer.outputs, plan_1.PANEL);
    memory.fill(job.rowLosses + (row0 << 6), 0, (row1 - row0) << 6);
    if (layer.activation === plan_1.ACTIVATION_SOFTMAX) {
        forwardCrossEntropy(job, batch, step, tile, row0, row1);
        return;
    }
    const scale = (2.0 / (rows * layer.outputs));
    for (let column = 0; column < paddedOutputs; column += plan_1.PANEL) {
        for (let row = row0; row < row1; row += plan_1.QUAD) {
            forwardTile(job, batch, index, tile, row / plan_1.QUAD, column / plan_1.PANEL);
            (0, tiles_1.finishSquaredError)(job, layer, tile, batch.target, row, rows, column, paddedOutputs, scale);
        }
    }
}
/** Logits of `layer` for one quad of rows as rows [4][⌈O⌉] at `logits`. */
function quadLogits(job, batch, index, tile, logits, row) {
    const layer = (0, plan_1.layerAt)(job, index);
    const paddedOutputs = (0, plan_1.roundUp)(layer.outputs, plan_1.PANEL);
    for (let column = 0; column < paddedOutputs; column += plan_1.PANEL) {
        forwardTile(job, batch, index, tile, row / plan_1.QUAD, column / plan_1.PANEL);
        for (let r = 0; r < plan_1.QUAD; r++) {
            for (let v = 0; v < 64; v += 16) {
                const bias = v128.load(layer.bias + (column << 2) + v);
                const sum = v128.load(tile + (r << 6) + v);
                v128.store(logits + ((r * paddedOutputs + column) << 2) + v, f32x4.add(sum, bias));
            }
        }
    }
}
/** Where the logits of a worker's quad lie: behind its tile scratch, [4][⌈O⌉]. */
const LOGITS_OFFSET = 2048;
function forwardCrossEntropy(job, batch, step, tile, row0, row1) {
    const index = job.layerCount - 1;
    const layer = (0, plan_1.layerAt)(job, index);
    const rows = (0, plan_1.rowsOfStep)(job, step);
    const paddedOutputs = (0, plan_1.roundUp)(layer.outputs, plan_1.PANEL);
    const logits = tile + LOGITS_OFFSET;
    const first = step * job.batchSize;
    for (let row = row0; row < row1; row += plan_1.QUAD) {
        quadLogits(job, batch, index, tile, logits, row);
        for (let r = 0; r < plan_1.QUAD; r++) {
            const at = logits + ((r * paddedOutputs) << 2);
            if (row + r < rows) {
                const image = load(job.order + ((first + row + r) << 2));
                (0, softmax_1.softmaxRow)(at, layer.outputs);
                const loss = (0, softmax_1.crossEntropyRow)(at, layer, load(job.labels + image), (1.0 / rows));
                store(job.rowLosses + ((row + r) << 6), loss);
            }
            else {
                memory.fill(at, 0, paddedOutputs << 2);
            }
        }
        for (let column = 0; column < paddedOutputs; column += plan_1.PANEL) {
            for (let r = 0; r < plan_1.QUAD; r++) {
                memory.copy(tile + (r << 6), logits + ((r * paddedOutputs + column) << 2), 64);
            }
            (0, tiles_1.storeDelta)(job, layer, tile, row, column, paddedOutputs);
        }
    }
}
/** δ of layer `index` − 1 from δ of layer `index` for rows [row0, row1): δ W, times the derivative of the activation. */
function backwardInput(job, index, tile, row0, row1) {
    const layer = (0, plan_1.layerAt)(job, index);
    const before = (0, plan_1.layerAt)(job, index - 1);
    const paddedInputs = (0, plan_1.roundUp)(layer.inputs, plan_1.PANEL);
    const paddedOutputs = (0, plan_1.roundUp)(layer.outputs, plan_1.PANEL);
    for (let column = 0; column < paddedInputs; column += plan_1.PANEL) {
        const weights = layer.weightT + (((column / plan_1.PANEL) * paddedOutputs) << 6);
        for (let row = row0; row < row1; row += plan_1.QUAD) {
            const deltas = layer.deltaRows + (((row / plan_1.QUAD) * paddedOutputs) << 4);
            (0, gemm_1.gemmTile)(job.wideTile !== 0, tile, deltas, weights, layer.outputs);
            (0, tiles_1.finishInputGradient)(job, before, tile, row, column, paddedInputs);
        }
    }
}
/**
 * Weight gradient and Adam for panel `panel` of layer `index`, tile by tile: the gradient of a 4 × 16 block of Wᵀ is one tile of
 * Σ over all rows of x ⊗ δ, and is used up while it is in cache; no gradient is ever stored.
 */
function updatePanel(job, batch, index, step, tile, panel) {
    const layer = (0, plan_1.layerAt)(job, index);
    const rows = (0, plan_1.roundUp)((0, plan_1.rowsOfStep)(job, step), plan_1.QUAD);
    const t = job.adamSteps + step - job.firstStep + 1;
    const stepSize = (0, adam_1.adamStepSize)(job.learningRate, t);
    const scale = (0, adam_1.adamSecondMomentScale)(t);
    const wide = job.wideTile !== 0;
    const paddedInputs = (0, plan_1.roundUp)(layer.inputs, plan_1.PANEL);
    const paddedOutputs = (0, plan_1.roundUp)(layer.outputs, plan_1.PANEL);
    const deltas = layer.delta + ((panel * job.rowCapacity) << 6);
    const quads = (0, plan_1.roundUp)(layer.inputs, plan_1.QUAD) / plan_1.QUAD;
    for (let quad = 0; quad < quads; quad++) {
        const list = quad * job.rowCapacity;
        if (index === 0) {
            (0, gemm_1.spmmTile)(wide, tile, batch.columnValues + (list << 4), batch.columnOffsets + (list << 2), deltas, load(batch.columnCounts + (quad << 2)));
        }
        else {
            (0, gemm_1.gemmTile)(wide, tile, (0, plan_1.layerAt)(job, index - 1).outputColumns + (list << 4), deltas, rows);
        }
        const block = (panel * paddedInputs + quad * plan_1.QUAD) << 6;
        const weights = layer.weight + block;
        (0, adam_1.adam)(weights, tile, layer.weightM + block, layer.weightV + block, 16, job.weightDecay, stepSize, scale);
        if (index > 0)
            storeTransposedWeights(layer, weights, panel, quad, paddedOutputs);
    }
    sumDeltas(tile, deltas, rows);
    const block = panel << 6;
    (0, adam_1.adam)(layer.bias + block, tile, layer.biasM + block, layer.biasV + block, 4, job.weightDecay, stepSize, scale);
}
/** A 4 × 16 block of Wᵀ into the panels of W. */
function storeTransposedWeights(layer, weights, panel, quad, paddedOutputs) {
    // Input columns 4 · quad … + 3 lie in panel quad / 4 of W, at lane 4 · (quad mod 4); outputs are its rows.
    const to = layer.weightT +
        (((quad >> 2) * paddedOutputs + panel * plan_1.PANEL) << 6) +
        ((quad & 3) << 4);
    for (let v = 0; v < 4; v++)
        (0, layouts_1.storeTransposedQuad)(to + (v << 8), 64, weights, v);
}
/** Bias gradient of a panel: Σ over rows of δ, to out[16]. */
function sumDeltas(out, deltas, rows) {
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
    const end = deltas + (rows << 6);
    while (deltas < end) {
        s0 = f32x4.add(s0, v128.load(deltas));
        s1 = f32x4.add(s1, v128.load(deltas, 16));
        s2 = f32x4.add(s2, v128.load(deltas, 32));
        s3 = f32x4.add(s3, v128.load(deltas, 48));
        deltas += 64;
    }
    v128.store(out, s0);
    v128.store(out, s1, 16);
    v128.store(out, s2, 32);
    v128.store(out, s3, 48);
}
/** Mean loss of a minibatch from its rows' sums, in float64 and in the order of the rows. */
function batchLoss(job, step) {
    const layer = (0, plan_1.layerAt)(job, job.layerCount - 1);
    const rows = (0, plan_1.rowsOfStep)(job, step);
    let sum = 0;
    for (let i = 0; i < rows * plan_1.PANEL; i++)
        sum += load(job.rowLosses + (i << 2));
    const terms = layer.activation === plan_1.ACTIVATION_SOFTMAX ? rows : rows * layer.outputs;
    return sum / terms;
}
/**
 * Inference for input rows [inputRow, inputRow + sliceRows) in the worker's own slice of the activation buffers, which begins at
 * row `slice`: layers firstLayer … lastLayer, then outputs and row errors as the job wants them.
 */
function inferRows(job, tile, inputRow, slice) {
    const batch = (0, plan_1.batchAt)(job, 0);
    const rows = min(job.sliceRows, job.rows - inputRow);
    const row1 = slice + (0, plan_1.roundUp)(rows, plan_1.QUAD);
    for (let row = slice; row < row1; row += plan_1.QUAD) {
        if (job.firstLayer === 0)
            (0, gather_1.gatherInferenceQuad)(job, batch, inputRow + row - slice, row);
        else
            (0, gather_1.gatherCodesQuad)(job, tile, inputRow + row - slice, row);
    }
    for (let index = job.firstLayer; index <= job.lastLayer; index++) {
        if (index < job.layerCount - 1)
            forwardHidden(job, batch, index, tile, slice, row1);
    }
    if (job.lastLayer < job.layerCount - 1)
        copyHiddenRows(job, inputRow, slice, rows);
    else
        inferLastLayer(job, batch, tile, inputRow, slice, row1);
}
/** Outputs of hidden layer `lastLayer` from column quads to output rows. */
function copyHiddenRows(job, inputRow, slice, rows) {
    const layer = (0, plan_1.layerAt)(job, job.lastLayer);
    for (let r = 0; r < rows; r++) {
        const from = layer.outputColumns + ((slice + r) << 4);
        const to = job.outputs + (((inputRow + r) * layer.outputs) << 2);
        for (let o = 0; o < layer.outputs; o++) {
            const quad = ((o >> 2) * job.rowCapacity) << 4;
            store(to + (o << 2), load(from + quad + ((o & 3) << 2)));
        }
    }
}
function inferLastLayer(job, batch, tile, inputRow, slice, row1) {
    const index = job.lastLayer;
    const layer = (0, plan_1.layerAt)(job, index);
    const paddedOutputs = (0, plan_1.roundUp)(layer.outputs, plan_1.PANEL);
    const shift = inputRow - slice;
    if (layer.activation === plan_1.ACTIVATION_SOFTMAX) {
        const logits = tile + LOGITS_OFFSET;
        for (let row = slice; row < row1; row += plan_1.QUAD) {
            quadLogits(job, batch, index, tile, logits, row);
            for (let r = 0; r < plan_1.QUAD && row + shift + r < job.rows; r++) {
                const at = logits + ((r * paddedOutputs) << 2);
                (0, softmax_1.softmaxRow)(at, layer.outputs);
                const to = job.outputs + (((row + shift + r) * layer.outputs) << 2);
                memory.copy(to, at, layer.outputs << 2);
            }
        }
        return;
    }
    const losses = job.rowLosses;
    memory.fill(losses + (slice << 6), 0, (row1 - slice) << 6);
    for (let column = 0; column < paddedOutputs; column += plan_1.PANEL) {
        for (let row = slice; row < row1; row += plan_1.QUAD) {
            forwardTile(job, batch, index, tile, row / plan_1.QUAD, column / plan_1.PANEL);
            (0, tiles_1.finishSigmoid)(layer, tile, column);
            if (job.outputs !== 0)
                (0, layouts_1.storeRows)(job.outputs, tile, row + shift, job.rows, column, layer.outputs);
            if (job.rowErrors !== 0) {
                const target = (0, tiles_1.panelAt)(batch.target, row, column, job.rowCapacity);
                if (column + plan_1.PANEL > layer.outputs)
                    (0, tiles_1.clearMissing)(tile, target, plan_1.QUAD, layer.outputs - column);
                (0, tiles_1.addSquaredErrors)(tile, target, losses + (row << 6));
            }
        }
    }
    if (job.rowErrors === 0)
        return;
    for (let row = slice; row < row1 && row + shift < job.rows; row++) {
        let sum = 0;
        for (let lane = 0; lane < 64; lane += 4)
            sum += load(losses + (row << 6) + lane);
        store(job.rowErrors + ((row + shift) << 2), (sum / layer.outputs));
    }
}
