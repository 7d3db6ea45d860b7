"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.panelAt = panelAt;
exports.finishHidden = finishHidden;
exports.finishSigmoid = finishSigmoid;
exports.addSquaredErrors = addSquaredErrors;
exports.clearMissing = clearMissing;
exports.finishSquaredError = finishSquaredError;
exports.storeDelta = storeDelta;
exports.finishInputGradient = finishInputGradient;
/**
 * What happens to a 4 × 16 tile of sums once the product is done: bias and activation, the loss and its derivative, the
 * derivative of an activation. Each reads the tile from scratch and writes it in the layouts that later products read.
 *
 * `row` is the tile's first row (image), `column` its first column; the tile's rows lie 64 bytes apart, as in a panel. A row is
 * loaded, computed and only then stored: V8 fuses neighbouring stores only if nothing is loaded between them.
 */
const layouts_1 = require("./layouts");
const math_1 = require("./math");
const plan_1 = require("./plan");
/** Bytes of a tile's row. */
const ROW = 64;
/** Bytes of a tile. */
const TILE = 256;
/** Address of a tile's 256 bytes in panels [column / 16][B][16]. */
function panelAt(panels, row, column, rowCapacity) {
    return panels + (((column / plan_1.PANEL) * rowCapacity + row) << 6);
}
/** 16 neighbouring floats. */
// @ts-ignore: decorator
function storeRow(to, v0, v1, v2, v3) {
    v128.store(to, v0);
    v128.store(to, v1, 16);
    v128.store(to, v2, 32);
    v128.store(to, v3, 48);
}
/** tile += bias[16], then max(tile, 0) for ReLU, in place. */
function biasAndActivation(tile, bias, relu) {
    const floor = relu ? f32x4.splat(0) : f32x4.splat(-Infinity);
    const b0 = v128.load(bias), b1 = v128.load(bias, 16), b2 = v128.load(bias, 32), b3 = v128.load(bias, 48);
    const end = tile + TILE;
    while (tile < end) {
        const y0 = f32x4.max(f32x4.add(v128.load(tile), b0), floor);
        const y1 = f32x4.max(f32x4.add(v128.load(tile, 16), b1), floor);
        const y2 = f32x4.max(f32x4.add(v128.load(tile, 32), b2), floor);
        const y3 = f32x4.max(f32x4.add(v128.load(tile, 48), b3), floor);
        storeRow(tile, y0, y1, y2, y3);
        tile += ROW;
    }
}
/** Forward, hidden layer: y = f(sum + b), kept as a row list and as column quads. Columns of a row come in order. */
function finishHidden(job, layer, tile, row, column, paddedOutputs) {
    biasAndActivation(tile, layer.bias + (column << 2), layer.activation === plan_1.ACTIVATION_RELU);
    const quad = (row / plan_1.QUAD);
    const count = layer.outputCounts + (quad << 2);
    const list = quad * paddedOutputs;
    const before = column === 0 ? 0 : load(count);
    const values = layer.outputValues + (list << 4);
    store(count, (0, layouts_1.appendToRowList)(values, layer.outputOffsets + (list << 2), before, tile, column));
    (0, layouts_1.storeColumnQuads)(layer.outputColumns, tile, row, column, job.rowCapacity);
}
/** Forward, last layer: y = sigmoid(sum + b), in place. */
function finishSigmoid(layer, tile, column) {
    const bias = layer.bias + (column << 2);
    const b0 = v128.load(bias), b1 = v128.load(bias, 16), b2 = v128.load(bias, 32), b3 = v128.load(bias, 48);
    const end = tile + TILE;
    while (tile < end) {
        const y0 = (0, math_1.sigmoid4)(f32x4.add(v128.load(tile), b0));
        const y1 = (0, math_1.sigmoid4)(f32x4.add(v128.load(tile, 16), b1));
        const y2 = (0, math_1.sigmoid4)(f32x4.add(v128.load(tile, 32), b2));
        const y3 = (0, math_1.sigmoid4)(f32x4.add(v128.load(tile, 48), b3));
        storeRow(tile, y0, y1, y2, y3);
        tile += ROW;
    }
}
/** losses[row][16] += (y − x)² for the tile's outputs y and targets x (16 columns of a panel). */
function addSquaredErrors(tile, target, losses) {
    const end = tile + TILE;
    while (tile < end) {
        const e0 = f32x4.sub(v128.load(tile), v128.load(target));
        const e1 = f32x4.sub(v128.load(tile, 16), v128.load(target, 16));
        const e2 = f32x4.sub(v128.load(tile, 32), v128.load(target, 32));
        const e3 = f32x4.sub(v128.load(tile, 48), v128.load(target, 48));
        const l0 = f32x4.add(v128.load(losses), f32x4.mul(e0, e0));
        const l1 = f32x4.add(v128.load(losses, 16), f32x4.mul(e1, e1));
        const l2 = f32x4.add(v128.load(losses, 32), f32x4.mul(e2, e2));
        const l3 = f32x4.add(v128.load(losses, 48), f32x4.mul(e3, e3));
        storeRow(losses, l0, l1, l2, l3);
        tile += ROW;
        target += ROW;
        losses += ROW;
    }
}
/** δ = scale · (y − x) · y (1 − y), from outputs y and targets x. */
function squaredErrorDelta(delta, tile, target, scale) {
    const one = f32x4.splat(1);
    const scales = f32x4.splat(scale);
    const end = tile + TILE;
    while (tile < end) {
        const y0 = v128.load(tile), y1 = v128.load(tile, 16), y2 = v128.load(tile, 32), y3 = v128.load(tile, 48);
        const e0 = f32x4.mul(f32x4.sub(y0, v128.load(target)), scales);
        const e1 = f32x4.mul(f32x4.sub(y1, v128.load(target, 16)), scales);
        const e2 = f32x4.mul(f32x4.sub(y2, v128.load(target, 32)), scales);
        const e3 = f32x4.mul(f32x4.sub(y3, v128.load(target, 48)), scales);
        const d0 = f32x4.mul(f32x4.mul(e0, y0), f32x4.sub(one, y0));
        const d1 = f32x4.mul(f32x4.mul(e1, y1), f32x4.sub(one, y1));
        const d2 = f32x4.mul(f32x4.mul(e2, y2), f32x4.sub(one, y2));
        const d3 = f32x4.mul(f32x4.mul(e3, y3), f32x4.sub(one, y3));
        storeRow(delta, d0, d1, d2, d3);
        tile += ROW;
        target += ROW;
        delta += ROW;
    }
}
/** Outputs of rows and columns that do not exist become their targets (zero): no error, no gradient. */
function clearMissing(tile, target, existingRows, existingColumns) {
    for (let r = 0; r < plan_1.QUAD; r++) {
        for (let c = 0; c < plan_1.PANEL; c++) {
            if (r < existingRows && c < existingColumns)
                continue;
            const at = (r * plan_1.PANEL + c) << 2;
            store(tile + at, load(target + at));
        }
    }
}
/**
 * Loss of a tile of outputs y against the targets x, and its derivative before the sigmoid:
 *
 *   loss[row] += (y − x)²,   δ = 2 / (B O) · (y − x) · y (1 − y)
 *
 * Rows beyond `rows` and columns beyond O give zero. `scale` is 2 / (B O).
 */
function finishSquaredError(job, layer, tile, targets, row, rows, column, paddedOutputs, scale) {
    finishSigmoid(layer, tile, column);
    const target = panelAt(targets, row, column, job.rowCapacity);
    const existingRows = rows - row;
    const existingColumns = layer.outputs - column;
    if (existingRows < plan_1.QUAD || existingColumns < plan_1.PANEL)
        clearMissing(tile, target, existingRows, existingColumns);
    addSquaredErrors(tile, target, job.rowLosses + (row << 6));
    const delta = panelAt(layer.delta, row, column, job.rowCapacity);
    squaredErrorDelta(delta, tile, target, scale);
    if (layer.deltaRows !== 0)
        (0, layouts_1.storeRowQuads)(layer.deltaRows, delta, row, column, paddedOutputs);
}
/** A tile of δ that is computed already, into the layouts of `layer`. */
function storeDelta(job, layer, tile, row, column, paddedOutputs) {
    memory.copy(panelAt(layer.delta, row, column, job.rowCapacity), tile, TILE);
    if (layer.deltaRows !== 0)
        (0, layouts_1.storeRowQuads)(layer.deltaRows, tile, row, column, paddedOutputs);
}
/** Backward through the activation of `layer`: the tile of ∂loss/∂y becomes δ = ∂loss/∂y · f′, with f′ = [y > 0] for ReLU. */
function finishInputGradient(job, layer, tile, row, column, paddedOutputs) {
    const delta = panelAt(layer.delta, row, column, job.rowCapacity);
    const relu = layer.activation === plan_1.ACTIVATION_RELU;
    const zero = f32x4.splat(0);
    const all = i32x4.splat(-1);
    for (let v = 0; v < 4; v++) {
        const y = layer.outputColumns + (((column / 4 + v) * job.rowCapacity + row) << 4);
        const from = tile + (v << 4);
        const to = delta + (v << 4);
        v128.store(to, v128.and(v128.load(from), relu ? f32x4.gt(v128.load(y), zero) : all));
        v128.store(to, v128.and(v128.load(from, 64), relu ? f32x4.gt(v128.load(y, 16), zero) : all), 64);
        v128.store(to, v128.and(v128.load(from, 128), relu ? f32x4.gt(v128.load(y, 32), zero) : all), 128);
        v128.store(to, v128.and(v128.load(from, 192), relu ? f32x4.gt(v128.load(y, 48), zero) : all), 192);
    }
    if (layer.deltaRows !== 0)
        (0, layouts_1.storeRowQuads)(layer.deltaRows, delta, row, column, paddedOutputs);
}
