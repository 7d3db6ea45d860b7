/**
 * Latent units that a model makes no use of. A ReLU unit that is 0 for every row carries nothing, and seldom
 * comes back: no gradient reaches it, unless other rows or the drift of other weights wake it.
 */
import type { Engine, Inputs } from '../engines/engine.ts'
import { codeSize, inputSize } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'

/** Enough rows for every unit that is of use to fire. */
const FEW_ROWS = 500

/** Indices, from 0, of the units that are 0 for every row; most often a few rows show that there are none. */
export async function findDeadUnits(engine: Engine, rows: Inputs): Promise<number[]> {
  const deadIn = async (some: Inputs) => deadLatentUnits(await engine.encode(some), codeSize(engine.network))
  const silent = await deadIn(rows.subarray(0, FEW_ROWS * inputSize(engine.network)))
  return silent.length === 0 ? silent : deadIn(rows)
}

/**
 * Indices, from 0, of the units that are exactly 0 for every row.
 *
 * @param codes (n, units), row-major
 */
export function deadLatentUnits(codes: FloatArray, units: number): number[] {
  const fires = new Uint8Array(units)
  for (let i = 0; i < codes.length; i++) {
    // NaN fires nothing.
    if (codes[i] > 0 || codes[i] < 0) fires[i % units] = 1
  }
  return Array.from(fires.keys()).filter((unit) => fires[unit] === 0)
}
