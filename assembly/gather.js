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
/** Appends the columns of the tile that are not zero in all four rows to a list; returns its new length. */
function appendRowQuads(values, offsets, count, tile, transposed, column) {
    for (let v = 0; v < 4; v++)
        (0, layouts_1.storeTransposedQuad)(transposed + (v << 6), 16, tile, v);
    for (let j = 0; j < plan_1.PANEL; j++) {
        // Written always, counted only if not zero: no branch to mispredict.
        const quad = v128.load(transposed + (j << 4));
        v128.store(values + (count << 4), quad);
        store(offsets + (count << 2), (column + j) * (plan_1.PANEL * 4));
        count += i32(v128.any_true(f32x4.ne(quad, f32x4.splat(0))));
    }
    return count;
}
/**
 * Rows row … row + 3 of a minibatch from the training images `order[first + row …]`, of which `rows` exist in all: clean target,
 * noisy input where asked for, and the list of non-zero inputs. `scratch` holds 160 floats.
 */
function gatherTrainingQuad(job, batch, scratch, first, row, rows) {
    const layer = (0, plan_1.layerAt)(job, 0);
    const paddedInputs = (0, plan_1.roundUp)(layer.inputs, plan_1.PANEL);
    const tile = scratch;
    const transposed = scratch + 256;
    const noisy = job.noiseStd > 0;
    const quad = row / plan_1.QUAD;
    const values = batch.rowValues + ((quad * paddedInputs) << 4);
    const offsets = batch.rowOffsets + ((quad * paddedInputs) << 2);
    let count = 0;
    for (let column = 0; column < paddedInputs; column += plan_1.PANEL) {
        let any = i32x4.splat(0);
        for (let r = 0; r < plan_1.QUAD; r++) {
            const bytes = row + r < rows ? v128.load(imageAt(job, first + row + r, paddedInputs) + column) : i32x4.splat(0);
            any = v128.or(any, bytes);
            unitFloats16(tile + (r << 6), bytes);
        }
        (0, layouts_1.storeColumnQuads)(batch.target, tile, row, column, job.rowCapacity);
        if (noisy) {
            for (let r = 0; r < plan_1.QUAD && row + r < rows; r++) {
                const image = load(job.order + ((first + row + r) << 2));
                addNoise16(tile + (r << 6), transposed, column, image, job);
            }
            if (column + plan_1.PANEL > layer.inputs)
                clearPadding(tile, layer.inputs - column);
            (0, layouts_1.storeColumnQuads)(batch.input, tile, row, column, job.rowCapacity);
            count = appendRowQuads(values, offsets, count, tile, transposed, column);
        }
        else if (v128.any_true(any)) {
            count = appendRowQuads(values, offsets, count, tile, transposed, column);
        }
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
/** The list of images whose pixels 4 · pixelQuad … + 3 are not all zero, over `rows` rows. */
function listColumnQuad(job, batch, pixelQuad, rows) {
    const from = batch.input + ((pixelQuad * job.rowCapacity) << 4);
    const values = batch.columnValues + ((pixelQuad * job.rowCapacity) << 4);
    const offsets = batch.columnOffsets + ((pixelQuad * job.rowCapacity) << 2);
    let count = 0;
    for (let row = 0; row < rows; row++) {
        const quad = v128.load(from + (row << 4));
        v128.store(values + (count << 4), quad);
        store(offsets + (count << 2), row * (plan_1.PANEL * 4));
        count += i32(v128.any_true(f32x4.ne(quad, f32x4.splat(0))));
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
/**
 * Rows inputRow … + 3 of the inference inputs as rows `row` … + 3 of the batch buffers: target (the input itself) and the list
 * of non-zero inputs. For networks entered at the first layer.
 */
function gatherInferenceQuad(job, batch, scratch, inputRow, row) {
    const layer = (0, plan_1.layerAt)(job, 0);
    const paddedInputs = (0, plan_1.roundUp)(layer.inputs, plan_1.PANEL);
    const tile = scratch;
    const quad = row / plan_1.QUAD;
    const values = batch.rowValues + ((quad * paddedInputs) << 4);
    const offsets = batch.rowOffsets + ((quad * paddedInputs) << 2);
    let count = 0;
    for (let column = 0; column < paddedInputs; column += plan_1.PANEL) {
        for (let r = 0; r < plan_1.QUAD; r++)
            loadInference16(job, layer, tile + (r << 6), inputRow + r, column);
        (0, layouts_1.storeColumnQuads)(batch.target, tile, row, column, job.rowCapacity);
        count = appendRowQuads(values, offsets, count, tile, scratch + 256, column);
    }
    store(batch.rowCounts + (quad << 2), count);
}
/** Rows inputRow … + 3 of the inference inputs as row quads of the layer before `firstLayer`: how codes enter the decoder. */
function gatherCodesQuad(job, scratch, inputRow, row) {
    const entered = (0, plan_1.layerAt)(job, job.firstLayer);
    const before = (0, plan_1.layerAt)(job, job.firstLayer - 1);
    const paddedInputs = (0, plan_1.roundUp)(entered.inputs, plan_1.PANEL);
    const tile = scratch;
    for (let column = 0; column < paddedInputs; column += plan_1.PANEL) {
        for (let r = 0; r < plan_1.QUAD; r++)
            loadInference16(job, entered, tile + (r << 6), inputRow + r, column);
        (0, layouts_1.storeRowQuads)(before.outputRows, tile, row, column, paddedInputs);
    }
}
