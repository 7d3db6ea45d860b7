"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.gatherTrainingQuad = gatherTrainingQuad;
exports.listColumnQuad = listColumnQuad;
exports.gatherInferenceQuad = gatherInferenceQuad;
exports.gatherCodesQuad = gatherCodesQuad;
/**
 * From images as bytes to the operands of the first layer: a quad of images becomes floats (value / 255, plus noise on the
 * input), and the lists of what is not zero, by quad of images for the forward product and by quad of pixels for the weight
 * gradient. MNIST is 81 % zeros, and a product with zero changes no bit of a sum, so the lists alone are multiplied.
 */
const layouts_1 = require("./layouts");
const plan_1 = require("./plan");
const random_1 = require("./random");
const tiles_1 = require("./tiles");
const BYTE_SCALE = 255.0;
/** 16 bytes → 16 floats value / 255 at out, rounded as one division. */
function unitFloats16(out, bytes) {
    const scale = f32x4.splat(BYTE_SCALE);
    const low = i16x8.extend_low_i8x16_u(bytes);
    const high = i16x8.extend_high_i8x16_u(bytes);
    v128.store(out, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low)), scale));
    v128.store(out, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low)), scale), 16);
    v128.store(out, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high)), scale), 32);
    v128.store(out, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(high)), scale), 48);
}
/** x[16] ← clip(x + σ n, 0, 1) with the image's own normal numbers. `scratch` holds 32 floats. */
function addNoise16(x, scratch, pixel, image, job) {
    (0, random_1.normals16)(scratch, scratch + 64, pixel, image, job.epoch, job.seed);
    const sigma = f32x4.splat(job.noiseStd);
    for (let v = 0; v < 64; v += 16) {
        const noisy = f32x4.add(v128.load(x + v), f32x4.mul(sigma, v128.load(scratch + v)));
        v128.store(x + v, f32x4.min(f32x4.max(noisy, f32x4.splat(0)), f32x4.splat(1)));
    }
}
/**
 * Rows row … row + 3 of a minibatch from the training images `order[first + row …]`, of which `rows` exist in all: clean target,
 * noisy input where asked for, and its row list. `scratch` holds 96 floats.
 */
function gatherTrainingQuad(job, batch, scratch, first, row, rows) {
    const layer = (0, plan_1.layerAt)(job, 0);
    const paddedInputs = (0, plan_1.roundUp)(layer.inputs, plan_1.PANEL);
    const noisy = job.noiseStd > 0;
    const quad = row / plan_1.QUAD;
    const list = (quad * paddedInputs);
    const values = batch.rowValues + (list << 4);
    const offsets = batch.rowOffsets + (list << 2);
    const none = i32x4.splat(0);
    const image0 = imageAt(job, first + row, paddedInputs);
    const image1 = row + 1 < rows ? imageAt(job, first + row + 1, paddedInputs) : 0;
    const image2 = row + 2 < rows ? imageAt(job, first + row + 2, paddedInputs) : 0;
    const image3 = row + 3 < rows ? imageAt(job, first + row + 3, paddedInputs) : 0;
    let count = 0;
    for (let column = 0; column < paddedInputs; column += plan_1.PANEL) {
        const target = (0, tiles_1.panelAt)(batch.target, row, column, job.rowCapacity);
        const bytes0 = v128.load(image0 + column);
        const bytes1 = image1 !== 0 ? v128.load(image1 + column) : none;
        const bytes2 = image2 !== 0 ? v128.load(image2 + column) : none;
        const bytes3 = image3 !== 0 ? v128.load(image3 + column) : none;
        if (!noisy && !v128.any_true(v128.or(v128.or(bytes0, bytes1), v128.or(bytes2, bytes3)))) {
            memory.fill(target, 0, plan_1.QUAD * plan_1.PANEL * 4);
            continue;
        }
        unitFloats16(target, bytes0);
        unitFloats16(target + 64, bytes1);
        unitFloats16(target + 128, bytes2);
        unitFloats16(target + 192, bytes3);
        let seen = target;
        if (noisy) {
            seen = (0, tiles_1.panelAt)(batch.input, row, column, job.rowCapacity);
            memory.copy(seen, target, plan_1.QUAD * plan_1.PANEL * 4);
            for (let r = 0; r < plan_1.QUAD && row + r < rows; r++) {
                const image = load(job.order + ((first + row + r) << 2));
                addNoise16(seen + (r << 6), scratch, column, image, job);
            }
            if (column + plan_1.PANEL > layer.inputs)
                clearPadding(seen, layer.inputs - column);
        }
        count = (0, layouts_1.appendToRowList)(values, offsets, count, seen, column);
    }
    store(batch.rowCounts + (quad << 2), count);
}
/** Columns from `existing` on become zero in the tile's four rows. */
function clearPadding(tile, existing) {
    for (let r = 0; r < plan_1.QUAD; r++) {
        for (let c = existing; c < plan_1.PANEL; c++)
            store(tile + ((r * plan_1.PANEL + c) << 2), 0);
    }
}
function imageAt(job, position, paddedInputs) {
    const image = load(job.order + (position << 2));
    return job.images + image * paddedInputs;
}
/** The column list of pixels 4 · pixelQuad … + 3 over `rows` rows. */
function listColumnQuad(job, batch, pixelQuad, rows) {
    const from = (0, tiles_1.panelAt)(batch.input, 0, pixelQuad * plan_1.QUAD, job.rowCapacity) + ((pixelQuad & 3) << 4);
    const values = batch.columnValues + ((pixelQuad * job.rowCapacity) << 4);
    const offsets = batch.columnOffsets + ((pixelQuad * job.rowCapacity) << 2);
    let count = 0;
    const end = rows << 6;
    for (let offset = 0; offset < end; offset += 64) {
        const quad = v128.load(from + offset);
        v128.store(values + (count << 4), quad);
        store(offsets + (count << 2), offset);
        count += i32(v128.any_true(quad));
    }
    store(batch.columnCounts + (pixelQuad << 2), count);
}
/** Sixteen values of an inference row at `column`, zero where row or column does not exist, to out[16]. */
function loadInference16(job, layer, out, row, column) {
    if (row >= job.rows) {
        memory.fill(out, 0, 64);
        return;
    }
    if (job.inputKind === plan_1.INPUT_BYTES) {
        const paddedInputs = (0, plan_1.roundUp)(layer.inputs, plan_1.PANEL);
        unitFloats16(out, v128.load(job.inputs + row * paddedInputs + column));
        return;
    }
    memory.fill(out, 0, 64);
    const width = min(plan_1.PANEL, layer.inputs - column);
    memory.copy(out, job.inputs + ((row * layer.inputs + column) << 2), width << 2);
}
/** Rows inputRow … + 3 of the inference inputs as rows row … + 3 of the batch: target (the input itself) and row list. */
function gatherInferenceQuad(job, batch, inputRow, row) {
    const layer = (0, plan_1.layerAt)(job, 0);
    const paddedInputs = (0, plan_1.roundUp)(layer.inputs, plan_1.PANEL);
    const quad = (row / plan_1.QUAD);
    const list = quad * paddedInputs;
    let count = 0;
    for (let column = 0; column < paddedInputs; column += plan_1.PANEL) {
        const target = (0, tiles_1.panelAt)(batch.target, row, column, job.rowCapacity);
        for (let r = 0; r < plan_1.QUAD; r++)
            loadInference16(job, layer, target + (r << 6), inputRow + r, column);
        count = (0, layouts_1.appendToRowList)(batch.rowValues + (list << 4), batch.rowOffsets + (list << 2), count, target, column);
    }
    store(batch.rowCounts + (quad << 2), count);
}
/** Rows inputRow … + 3 of the inference inputs as outputs of the layer before `firstLayer`: how codes enter the decoder. */
function gatherCodesQuad(job, scratch, inputRow, row) {
    const entered = (0, plan_1.layerAt)(job, job.firstLayer);
    const before = (0, plan_1.layerAt)(job, job.firstLayer - 1);
    const paddedInputs = (0, plan_1.roundUp)(entered.inputs, plan_1.PANEL);
    const quad = (row / plan_1.QUAD);
    const list = quad * paddedInputs;
    const values = before.outputValues + (list << 4);
    let count = 0;
    for (let column = 0; column < paddedInputs; column += plan_1.PANEL) {
        for (let r = 0; r < plan_1.QUAD; r++)
            loadInference16(job, entered, scratch + (r << 6), inputRow + r, column);
        count = (0, layouts_1.appendToRowList)(values, before.outputOffsets + (list << 2), count, scratch, column);
    }
    store(before.outputCounts + (quad << 2), count);
}
