/**
 * Which two hidden units of a panel share the lists of a pair is free: each gradient is the same sum in the same order. So units that
 * fire for the same images are put together, and less is left of what neither saw: of (image, pair of a trained decoder's hidden units)
 * 69 % are not zero, where neighbours leave 82 %.
 *
 * A pairing is the 40 columns of each panel in some order, one byte a column; the first two are a pair, and so on. It is found anew
 * in the middle of each 16 steps, by the first images of a minibatch, for the next 16: nobody reads what is being written.
 */
import { LayerPlan, PAIR, PANEL, pieces, roundUp } from './plan'

/** Pairs are neighbours: for pixels. */
export const NEIGHBOURS: usize = 0
/** log₂ of the steps for which a pairing holds. */
const STEPS_LOG: i32 = 4
/** Images that likeness is judged by: one bit each. */
const JUDGED_IMAGES: i32 = 64

/** Column of panel `panel` at `place` of the pairing. */
export function unitAt(pairing: usize, panel: i32, place: i32): i32 {
  return pairing === NEIGHBOURS ? place : load<u8>(pairing + <usize>(panel * PANEL + place))
}

/** The one of a layer's two pairings that block `block` of steps uses. */
function pairingOfBlock(layer: LayerPlan, block: i32): usize {
  return <usize>layer.pairings + <usize>((block & 1) * roundUp(layer.outputs, PANEL))
}

/** The pairing of a layer's outputs in step `step`. */
export function pairingOf(layer: LayerPlan, step: i32): usize {
  return pairingOfBlock(layer, step >> STEPS_LOG)
}

/** Whether `pairUnits` is due: far from the steps that read what it writes. */
export function isPairingStep(step: i32): bool {
  return (step & ((1 << STEPS_LOG) - 1)) === 1 << (STEPS_LOG - 1)
}

/**
 * Finds the pairing of one panel for the steps after this block's, from `rows` rows of the layer's outputs at `outputs`. Greedy: each
 * pair begins with the first unit left and takes the one that fires for the other images least. `scratch` holds 40 64-bit words.
 */
export function pairUnits(
  layer: LayerPlan,
  step: i32,
  panel: i32,
  outputs: usize,
  rows: i32,
  scratch: usize,
): void {
  const pairing = pairingOfBlock(layer, (step >> STEPS_LOG) + 1) + <usize>(panel * PANEL)
  const units = min(PANEL, PAIR * pieces(layer.outputs - panel * PANEL, PAIR))
  const judged = min(rows, JUDGED_IMAGES)
  for (let unit = 0; unit < PANEL; unit++) {
    let fires: u64 = 0
    let cell = outputs + ((<usize>unit) << 2)
    for (let row = 0; row < judged; row++) {
      fires |= u64(load<u32>(cell) !== 0) << (<u64>row)
      cell += (<usize>PANEL) << 2
    }
    store<u64>(scratch + ((<usize>unit) << 3), fires)
    store<u8>(pairing + <usize>unit, <u8>unit)
  }
  for (let place = 1; place < units; place += PAIR) {
    const first = firesOf(scratch, pairing, place - 1)
    let best = place
    let fewest: u64 = JUDGED_IMAGES + 1
    for (let i = place; i < units; i++) {
      const differing = popcnt(firesOf(scratch, pairing, i) ^ first)
      if (differing < fewest) {
        fewest = differing
        best = i
      }
    }
    const unit = load<u8>(pairing + <usize>best)
    store<u8>(pairing + <usize>best, load<u8>(pairing + <usize>place))
    store<u8>(pairing + <usize>place, unit)
  }
}

/** For which images the unit at `place` fires. */
function firesOf(scratch: usize, pairing: usize, place: i32): u64 {
  return load<u64>(scratch + ((<usize>load<u8>(pairing + <usize>place)) << 3))
}
