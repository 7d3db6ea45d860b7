/** The uniforms that change from step to step: `struct Step` of shaders/step.wgsl. */
import { BETA_1, BETA_2 } from '../../model/adam.ts'

/** Bytes from one step's uniforms to the next's: WebGPU's largest minUniformBufferOffsetAlignment. */
export const STEP_STRIDE_BYTES = 256
/** Of `struct Step`. */
export const STEP_BYTES = 64

export interface StepUniforms {
  readonly rows: number
  /** Rows that `scratch` has room for. */
  readonly capacity: number
  readonly orderOffset?: number
  readonly lossIndex?: number
  readonly seed?: number
  readonly epoch?: number
  /** Parts of the loss that the last layer leaves in `scratch`, and their first quad there. */
  readonly lossParts?: number
  readonly lossAt?: number
  /**
   * Parts into which the sums of weight gradients are split, rows of each, and their first quad in `scratch`.
   */
  readonly splits?: number
  readonly splitRows?: number
  readonly splitAt?: number
  /** First quad of the slabs that is trained. */
  readonly firstTrained?: number
  readonly noiseStd?: number
  readonly learningRate?: number
  readonly weightDecay?: number
  /** Adam's t: 1 for the first step. */
  readonly adamStep?: number
}

/** The bytes of consecutive steps, STEP_STRIDE_BYTES apart. What is left out is 0, but for one split. */
export function packSteps(steps: readonly StepUniforms[]): Uint8Array {
  const bytes = new Uint8Array(steps.length * STEP_STRIDE_BYTES)
  steps.forEach((step, i) => {
    const { rows, capacity, orderOffset = 0, lossIndex = 0, seed = 0, epoch = 0 } = step
    const { lossAt = 0, lossParts = 0, splitAt = 0, splits = 1, splitRows = rows, firstTrained = 0 } = step
    const { noiseStd = 0, learningRate = 0, weightDecay = 0, adamStep = 1 } = step
    const integers = [rows, orderOffset, lossIndex, seed, epoch, capacity, lossAt, lossParts]
    integers.push(splitAt, splits, splitRows, firstTrained)
    const stepSize = learningRate / (1 - BETA_1 ** adamStep)
    const secondCorrection = 1 / Math.sqrt(1 - BETA_2 ** adamStep)
    const at = i * STEP_STRIDE_BYTES
    new Uint32Array(bytes.buffer, at, integers.length).set(integers)
    const floats = [noiseStd, stepSize, secondCorrection, weightDecay]
    new Float32Array(bytes.buffer, at + 4 * integers.length, floats.length).set(floats)
  })
  return bytes
}
