/**
 * The elementary functions over arrays, for tests and for whoever wants them: `out` and `x` hold `count`
 * floats, a multiple of 4.
 */
import { cosTurns4, exp4, log1p4, log4, sigmoid4, sinTurns4, tanh4 } from '../kernels/math'
import { floatAt } from '../plan/sizes'

export function exp4Array(out: usize, x: usize, count: i32): void {
  for (let i: usize = 0; i < floatAt(0, count); i += 16) v128.store(out + i, exp4(v128.load(x + i)))
}
export function sigmoid4Array(out: usize, x: usize, count: i32): void {
  for (let i: usize = 0; i < floatAt(0, count); i += 16) v128.store(out + i, sigmoid4(v128.load(x + i)))
}
export function tanh4Array(out: usize, x: usize, count: i32): void {
  for (let i: usize = 0; i < floatAt(0, count); i += 16) v128.store(out + i, tanh4(v128.load(x + i)))
}
export function log1p4Array(out: usize, x: usize, count: i32): void {
  for (let i: usize = 0; i < floatAt(0, count); i += 16) v128.store(out + i, log1p4(v128.load(x + i)))
}
export function log4Array(out: usize, x: usize, count: i32): void {
  for (let i: usize = 0; i < floatAt(0, count); i += 16) v128.store(out + i, log4(v128.load(x + i)))
}
export function sinTurns4Array(out: usize, x: usize, count: i32): void {
  for (let i: usize = 0; i < floatAt(0, count); i += 16) v128.store(out + i, sinTurns4(v128.load(x + i)))
}
export function cosTurns4Array(out: usize, x: usize, count: i32): void {
  for (let i: usize = 0; i < floatAt(0, count); i += 16) v128.store(out + i, cosTurns4(v128.load(x + i)))
}
