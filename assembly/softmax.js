"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.softmaxRow = softmaxRow;
exports.crossEntropyRow = crossEntropyRow;
/** The last layer of a classifier: softmax over a whole row, and cross-entropy against a label. */
const math_1 = require("./math");
const plan_1 = require("./plan");
/**
 * p = softmax(logits) in place; `row` holds the ⌈O⌉ logits of one image, bias included. Columns beyond O become zero.
 * The maximum is subtracted first, so that no exponential overflows.
 */
function softmaxRow(row, outputs) {
    let largest = load(row);
    for (let o = 1; o < outputs; o++)
        largest = max(largest, load(row + (o << 2)));
    const padded = (0, plan_1.roundUp)(outputs, plan_1.PANEL);
    let sum = 0;
    for (let o = 0; o < padded; o += 4) {
        const at = row + (o << 2);
        v128.store(at, (0, math_1.exp4)(f32x4.sub(v128.load(at), f32x4.splat(largest))));
        for (let lane = 0; lane < 4; lane++) {
            const cell = at + (lane << 2);
            if (o + lane < outputs)
                sum += load(cell);
            else
                store(cell, 0);
        }
    }
    for (let o = 0; o < padded; o += 4) {
        const at = row + (o << 2);
        v128.store(at, f32x4.div(v128.load(at), f32x4.splat(sum)));
    }
}
/**
 * −ln p[label] of one row of probabilities, which becomes δ = scale · (p − [o = label]); scale is 1 / B.
 */
function crossEntropyRow(row, layer, label, scale) {
    const at = row + (label << 2);
    // The smallest normal float32 stands for a probability that underflowed.
    const p = max(load(at), 1.17549435e-38);
    // log4 wants a number: of NaN it would make a finite loss, and training would not notice.
    const loss = isNaN(p) ? p : -f32x4.extract_lane((0, math_1.log4)(f32x4.splat(p)), 0);
    store(at, load(at) - 1);
    const padded = (0, plan_1.roundUp)(layer.outputs, plan_1.PANEL);
    for (let o = 0; o < padded; o += 4) {
        const cell = row + (o << 2);
        v128.store(cell, f32x4.mul(v128.load(cell), f32x4.splat(scale)));
    }
    return loss;
}
