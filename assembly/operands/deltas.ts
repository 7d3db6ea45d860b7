/** How δ of a layer, ∂loss/∂(pre-activation), lies for its input gradient. */
import { INPUT_GRADIENT_NONE, INPUT_GRADIENT_SAMPLED } from '../plan/codes'
import { PAIR, PAIR_BYTES, PAIR_ROWS, padded } from '../plan/sizes'
import { LayerPlan } from '../plan/structures'
import { copyRows, storeRowPairs } from './layouts'

/** Where rows row and row + 1 of δ lie from output `column` on: row pairs, or from a panel on pair panels. */
export function deltaPairsAt(layer: LayerPlan, row: i32, column: i32): usize {
  return <usize>layer.deltaPairs + <usize>((row / PAIR) * padded(layer.outputs) + column) * PAIR_BYTES
}

/**
 * Rows [row0, row1) of a panel of δ at `delta` also as the layer's input gradient reads them, if it has one.
 */
export function storeDeltaPairs(layer: LayerPlan, delta: usize, row0: i32, row1: i32, column: i32): void {
  if (layer.inputGradient === INPUT_GRADIENT_NONE) return
  const isSampled = layer.inputGradient === INPUT_GRADIENT_SAMPLED
  for (let row = row0; row < row1; row += PAIR) {
    const to = deltaPairsAt(layer, row, column)
    if (isSampled) copyRows(to, delta, PAIR_ROWS)
    else storeRowPairs(to, delta)
    delta += PAIR_ROWS
  }
}
