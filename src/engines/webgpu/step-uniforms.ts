/** The uniforms that change from step to step: `struct Step` of shaders/step.wgsl. */
import { BETA_1, BETA_2 } from '../../model/adam.ts'

/** Bytes from one step's uniforms to the next's: WebGPU's largest minUniformBufferOffsetAlignment. */
export const STEP_STRIDE_BYTES = 256

export interface StepUniforms {
  readonly rows: number
  readonly orderOffset?: number
  readonly lossIndex?: number
  readonly seed?: number
  readonly epoch?: number
  readonly noiseStd?: number
  readonly learningRate?: number
  readonly weightDecay?: number
  /** Adam's t: 1 for the first step. */
  readonly adamStep?: number
}

/** The bytes of consecutive steps, STEP_STRIDE_BYTES apart. What is left out is 0. */
export function packSteps(steps: readonly StepUniforms[]): Uint8Array {
  const bytes = new Uint8Array(steps.length * STEP_STRIDE_BYTES)
  steps.forEach((step, i) => {
    const { rows, orderOffset = 0, lossIndex = 0, seed = 0, epoch = 0 } = step
    const { noiseStd = 0, learningRate = 0, weightDecay = 0, adamStep = 1 } = step
    const integers = new Uint32Array(bytes.buffer, i * STEP_STRIDE_BYTES, 5)
    integers.set([rows, orderOffset, lossIndex, seed, epoch])
    const floats = new Float32Array(bytes.buffer, i * STEP_STRIDE_BYTES + integers.byteLength, 4)
    const stepSize = learningRate / (1 - BETA_1 ** adamStep)
    const secondCorrection = 1 / Math.sqrt(1 - BETA_2 ** adamStep)
    floats.set([noiseStd, stepSize, secondCorrection, weightDecay])
  })
  return bytes
}
