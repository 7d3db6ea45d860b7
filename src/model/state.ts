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

/** State of a model that comes as parameters alone, (parameterCount): zero moments, no steps. */
export function stateOf(parameters: FloatArray): ModelState {
  return {
    parameters,
    firstMoment: new Float32Array(parameters.length),
    secondMoment: new Float32Array(parameters.length),
    steps: 0,
  }
}
