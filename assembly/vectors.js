"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.exp4Array = exp4Array;
exports.sigmoid4Array = sigmoid4Array;
exports.log4Array = log4Array;
exports.sinTurns4Array = sinTurns4Array;
exports.cosTurns4Array = cosTurns4Array;
/** The elementary functions over arrays, for tests and for whoever wants them: `out` and `x` hold `count` floats, a multiple of 4. */
const math_1 = require("./math");
function exp4Array(out, x, count) {
    for (let i = 0; i < count << 2; i += 16)
        v128.store(out + i, (0, math_1.exp4)(v128.load(x + i)));
}
function sigmoid4Array(out, x, count) {
    for (let i = 0; i < count << 2; i += 16)
        v128.store(out + i, (0, math_1.sigmoid4)(v128.load(x + i)));
}
function log4Array(out, x, count) {
    for (let i = 0; i < count << 2; i += 16)
        v128.store(out + i, (0, math_1.log4)(v128.load(x + i)));
}
function sinTurns4Array(out, x, count) {
    for (let i = 0; i < count << 2; i += 16)
        v128.store(out + i, (0, math_1.sinTurns4)(v128.load(x + i)));
}
function cosTurns4Array(out, x, count) {
    for (let i = 0; i < count << 2; i += 16)
        v128.store(out + i, (0, math_1.cosTurns4)(v128.load(x + i)));
}
