/** Latent units that a model makes no use of: a ReLU unit that is 0 for every image carries nothing and cannot recover. */
import type { FloatArray } from '../model/state.ts'

/**
 * Indices, from 0, of the units that are exactly 0 for every image.
 *
 * @param codes (n, units), row-major
 */
export function deadLatentUnits(codes: FloatArray, units: number): number[] {
  const fires = new Uint8Array(units)
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] !== 0) fires[i % units] = 1
  }
  return Array.from(fires.keys()).filter((unit) => fires[unit] === 0)
}
