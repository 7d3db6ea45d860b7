/**
 * Which two hidden units of a panel share the lists of a pair is free: each gradient is the same sum in the same order. So units that
 * fire for the same images are put together, and less is left of what neither saw: of (image, pair of a trained decoder's hidden units)
 * 69 % are not zero, where neighbours leave 82 %.
 *
 * A pairing is the 40 columns of each panel in some order, 32 bits a column; the first two are a pair, and so on. It is found anew
 * in the middle of each 16 steps, by the first images of a minibatch, for the next 16: nobody reads what is being written.
 */
import { pairAlike, SIGNATURE_BITS } from './arrange'
import { Operand, PAIR, PANEL, pieces, ROW, roundUp } from './plan'

/** Pairs are neighbours: for pixels. */
export const NEIGHBOURS: usize = 0
/** log₂ of the steps for which a pairing holds. */
const STEPS_LOG: i32 = 4

/** Column of panel `panel` at `place` of the pairing. */
export function unitAt(pairing: usize, panel: i32, place: i32): i32 {
  return pairing === NEIGHBOURS ? place : load<i32>(pairing + ((<usize>(panel * PANEL + place)) << 2))
}

/** The one of an operand's two pairings that block `block` of steps uses. */
function pairingOfBlock(operand: Operand, block: i32): usize {
  return <usize>operand.pairings + ((<usize>((block & 1) * roundUp(operand.columns, PANEL))) << 2)
}

/** The pairing of an operand's columns in step `step`. */
export function pairingOf(operand: Operand, step: i32): usize {
  return operand.pairings === 0 ? NEIGHBOURS : pairingOfBlock(operand, step >> STEPS_LOG)
}

/** Whether `pairUnits` is due: far from the steps that read what it writes. */
export function isPairingStep(step: i32): bool {
  return (step & ((1 << STEPS_LOG) - 1)) === 1 << (STEPS_LOG - 1)
}

/**
 * Finds the pairing of one panel for the steps after this block's, from `rows` rows of that panel at `values`: a unit's
 * signature is for which of the first 64 images it fires. `scratch` holds 40 64-bit words.
 */
export function pairUnits(
  operand: Operand,
  step: i32,
  panel: i32,
  values: usize,
  rows: i32,
  scratch: usize,
): void {
  const pairing = pairingOfBlock(operand, (step >> STEPS_LOG) + 1) + ((<usize>(panel * PANEL)) << 2)
  const judged = min(rows, SIGNATURE_BITS)
  for (let unit = 0; unit < PANEL; unit++) {
    let fires: u64 = 0
    let cell = values + ((<usize>unit) << 2)
    for (let row = 0; row < judged; row++) {
      fires |= u64(load<u32>(cell) !== 0) << (<u64>row)
      cell += ROW
    }
    store<u64>(scratch + ((<usize>unit) << 3), fires)
    store<i32>(pairing + ((<usize>unit) << 2), unit)
  }
  pairAlike(pairing, scratch, min(PANEL, PAIR * pieces(operand.columns - panel * PANEL, PAIR)))
}
