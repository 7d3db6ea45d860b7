/** Everything that training changes in a model, in canonical order (see `parameterTable`). */

/** Engines compute in float32, the reference engine in float64; both speak this. */
export type FloatArray = Float32Array | Float64Array

export interface ModelState {
  /** All parameters, (parameterCount). */
  readonly parameters: FloatArray
  /** Adam's exponential average of gradients, (parameterCount). */
  readonly firstMoment: FloatArray
  /** Adam's exponential average of squared gradients, (parameterCount). */
  readonly secondMoment: FloatArray
  /** Adam steps taken; the next step's bias correction uses steps + 1. */
  readonly steps: number
}
