"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.normals16 = exports.cosTurns4Array = exports.sinTurns4Array = exports.log4Array = exports.sigmoid4Array = exports.exp4Array = exports.signImages = exports.arrangeBatches = exports.adamStepSize = exports.adamSecondMomentScale = exports.adam = exports.registerOnlyMultiplyAdd = exports.spmmTile = exports.gemmTile = void 0;
exports.train = train;
exports.infer = infer;
exports.initializeWeights = initializeWeights;
exports.shuffleOrder = shuffleOrder;
exports.relaxed = relaxed;
exports.jobBytes = jobBytes;
exports.layerPlanBytes = layerPlanBytes;
exports.batchPlanBytes = batchPlanBytes;
const schedule_1 = require("./schedule");
const random_1 = require("./random");
var gemm_1 = require("./gemm");
Object.defineProperty(exports, "gemmTile", { enumerable: true, get: function () { return gemm_1.gemmTile; } });
Object.defineProperty(exports, "spmmTile", { enumerable: true, get: function () { return gemm_1.spmmTile; } });
Object.defineProperty(exports, "registerOnlyMultiplyAdd", { enumerable: true, get: function () { return gemm_1.registerOnlyMultiplyAdd; } });
var adam_1 = require("./adam");
Object.defineProperty(exports, "adam", { enumerable: true, get: function () { return adam_1.adam; } });
Object.defineProperty(exports, "adamSecondMomentScale", { enumerable: true, get: function () { return adam_1.adamSecondMomentScale; } });
Object.defineProperty(exports, "adamStepSize", { enumerable: true, get: function () { return adam_1.adamStepSize; } });
var arrange_1 = require("./arrange");
Object.defineProperty(exports, "arrangeBatches", { enumerable: true, get: function () { return arrange_1.arrangeBatches; } });
Object.defineProperty(exports, "signImages", { enumerable: true, get: function () { return arrange_1.signImages; } });
var vectors_1 = require("./vectors");
Object.defineProperty(exports, "exp4Array", { enumerable: true, get: function () { return vectors_1.exp4Array; } });
Object.defineProperty(exports, "sigmoid4Array", { enumerable: true, get: function () { return vectors_1.sigmoid4Array; } });
Object.defineProperty(exports, "log4Array", { enumerable: true, get: function () { return vectors_1.log4Array; } });
Object.defineProperty(exports, "sinTurns4Array", { enumerable: true, get: function () { return vectors_1.sinTurns4Array; } });
Object.defineProperty(exports, "cosTurns4Array", { enumerable: true, get: function () { return vectors_1.cosTurns4Array; } });
var random_2 = require("./random");
Object.defineProperty(exports, "normals16", { enumerable: true, get: function () { return random_2.normals16; } });
/** Trains the job's steps, sharing them with every other worker that calls this with the same job. */
function train(job, scratch) {
    (0, schedule_1.trainSteps)(changetype(job), scratch);
}
/** Runs the job's inference, sharing it with every other worker; workers are numbered from 0. */
function infer(job, scratch, worker) {
    (0, schedule_1.inferSteps)(changetype(job), scratch, worker);
}
/** Xavier-uniform weights of a layer in canonical order; room for the next multiple of 16 floats at `out`. */
function initializeWeights(out, scratch, inputs, outputs, layer, seed) {
    (0, random_1.xavierUniform)(out, scratch, inputs, outputs, layer, seed);
}
/** The shuffled order of an epoch, (count) 32-bit indices at `order`. */
function shuffleOrder(order, scratch, count, seed, epoch) {
    (0, random_1.shuffle)(order, scratch, count, seed, epoch);
}
/** 1 in the build whose multiply-add is the relaxed instruction. */
function relaxed() {
    return i32(ASC_FEATURE_RELAXED_SIMD);
}
/** Bytes of the plan structures, so that the host can check its own table of them. */
function jobBytes() {
    return offsetof();
}
function layerPlanBytes() {
    return offsetof();
}
function batchPlanBytes() {
    return offsetof();
}
