import { drawChart } from './chart.ts'
import { lossCurveConfig } from './loss-curve-config.ts'
import type { LossCurveOptions, LossCurvePoint } from './loss-curve-options.ts'

/**
 * Train and test loss over epochs as a PNG file, 1050 × 750 dots (7 × 5 inches), with learning-rate changes
 * marked. One epoch is drawn as two points. Throws HourglassError where node-canvas cannot load.
 */
export function drawLossCurve(
  history: readonly LossCurvePoint[],
  options: LossCurveOptions = {},
): Promise<Uint8Array> {
  return drawChart(lossCurveConfig(history, options))
}
