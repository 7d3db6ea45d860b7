/** How δ of a layer, ∂loss/∂(pre-activation), lies for its input gradient. */
import { INPUT_GRADIENT_DENSE } from '../plan/codes'
import { PAIR, PAIR_BYTES, PAIR_ROWS, padded } from '../plan/sizes'
import { LayerPlan } from '../plan/structures'
import { storeRowPairs } from './layouts'

/** Where rows row and row + 1 of δ lie in row pairs, from output `column` on. */
export function deltaPairsAt(layer: LayerPlan, row: i32, column: i32): usize {
  return <usize>layer.deltaPairs + <usize>((row / PAIR) * padded(layer.outputs) + column) * PAIR_BYTES
}

/**
 * Rows [row0, row1) of a panel of δ at `delta` also as row pairs, where the layer's input gradient reads
 * them.
 */
export function storeDeltaPairs(layer: LayerPlan, delta: usize, row0: i32, row1: i32, column: i32): void {
  if (layer.inputGradient !== INPUT_GRADIENT_DENSE) return
  for (let row = row0; row < row1; row += PAIR) {
    storeRowPairs(deltaPairsAt(layer, row, column), delta)
    delta += PAIR_ROWS
  }
}
