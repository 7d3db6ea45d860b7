/**
 * Which two hidden units of a panel share the lists of a pair is free: each gradient is the same sum in the
 * same order. So units that fire for the same images are put together, and less is left of what neither saw:
 * of (image, pair of a trained decoder's hidden units) 69 % are not zero, where neighbours leave 82 %.
 *
 * A pairing is the 40 columns of each panel in some order, 32 bits a column; the first two are a pair, and so
 * on. It is found anew in the middle of each 16 steps, by the first images of a minibatch, for the next 16:
 * nobody reads what is being written.
 */
import {
  DOUBLE,
  doubleAt,
  floatAt,
  PAIR,
  PANEL,
  padded,
  pieces,
  ROW,
  SIGNATURE_BITS,
  wordAt,
} from '../plan/sizes'
import { Operand } from '../plan/structures'
import { pairAlike } from './arrange'

/** Pairs are neighbours: for pixels. */
export const NEIGHBOURS: usize = 0
/** log₂ of the steps for which a pairing holds. */
const STEPS_LOG: i32 = 4

/** Column of panel `panel` at `place` of the pairing. */
export function unitAt(pairing: usize, panel: i32, place: i32): i32 {
  return pairing === NEIGHBOURS ? place : load<i32>(wordAt(pairing, panel * PANEL + place))
}

/** The one of an operand's two pairings that block `block` of steps uses. */
function pairingOfBlock(operand: Operand, block: i32): usize {
  return wordAt(operand.pairings, (block & 1) * padded(operand.columns))
}

/** The pairing of an operand's columns in step `step`. */
export function pairingOf(operand: Operand, step: i32): usize {
  return operand.pairings === 0 ? NEIGHBOURS : pairingOfBlock(operand, step >> STEPS_LOG)
}

/** Whether `pairUnits` is due: far from the steps that read what it writes. */
export function isPairingStep(step: i32): bool {
  return (step & ((1 << STEPS_LOG) - 1)) === 1 << (STEPS_LOG - 1)
}

/** Bytes of the signatures of a panel's units. */
export const PAIRING_SCRATCH: usize = <usize>PANEL * DOUBLE

/**
 * Finds the pairing of one panel for the steps after this block's, from `rows` rows of that panel at
 * `values`: a unit's signature is for which of the first 64 images it fires. `scratch` holds PAIRING_SCRATCH
 * bytes.
 */
export function pairUnits(
  operand: Operand,
  step: i32,
  panel: i32,
  values: usize,
  rows: i32,
  scratch: usize,
): void {
  const pairing = wordAt(pairingOfBlock(operand, (step >> STEPS_LOG) + 1), panel * PANEL)
  const judged = min(rows, SIGNATURE_BITS)
  for (let unit = 0; unit < PANEL; unit++) {
    let fires: u64 = 0
    let cell = floatAt(values, unit)
    for (let row = 0; row < judged; row++) {
      fires |= u64(load<u32>(cell) !== 0) << (<u64>row)
      cell += ROW
    }
    store<u64>(doubleAt(scratch, unit), fires)
    store<i32>(wordAt(pairing, unit), unit)
  }
  pairAlike(pairing, scratch, min(PANEL, PAIR * pieces(operand.columns - panel * PANEL, PAIR)))
}
