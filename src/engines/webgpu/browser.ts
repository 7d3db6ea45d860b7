/** The WebGPU engine in a browser, through `navigator.gpu`; the bundler puts the WGSL files in as text. */
import { DeviceError } from '../../errors.ts'
import type { Network } from '../../model/network.ts'
import activation from './shaders/activation.wgsl?raw'
import bytes from './shaders/bytes.wgsl?raw'
import forward from './shaders/forward.wgsl?raw'
import gather from './shaders/gather.wgsl?raw'
import inputGradient from './shaders/input-gradient.wgsl?raw'
import loss from './shaders/loss.wgsl?raw'
import matmulDirect from './shaders/matmul-direct.wgsl?raw'
import matmulTiled from './shaders/matmul-tiled.wgsl?raw'
import outputCrossEntropy from './shaders/output-cross-entropy.wgsl?raw'
import outputSquaredError from './shaders/output-squared-error.wgsl?raw'
import random from './shaders/random.wgsl?raw'
import softmax from './shaders/softmax.wgsl?raw'
import step from './shaders/step.wgsl?raw'
import weightGradient from './shaders/weight-gradient.wgsl?raw'
import type { ShaderSources } from './shaders.ts'
import type { WebgpuEngine } from './webgpu-engine.ts'
import { createWebgpuEngine } from './webgpu-engine.ts'

const SHADERS: ShaderSources = {
  activation,
  bytes,
  forward,
  gather,
  'input-gradient': inputGradient,
  loss,
  'matmul-direct': matmulDirect,
  'matmul-tiled': matmulTiled,
  'output-cross-entropy': outputCrossEntropy,
  'output-squared-error': outputSquaredError,
  random,
  softmax,
  step,
  'weight-gradient': weightGradient,
}

const REMEDY = 'use a browser with WebGPU and a GPU driver it accepts, or compute on the CPU'

/** Opens the browser's adapter. Rejects with a DeviceError that says why where there is none. */
export async function createWebgpuBrowserEngine(network: Network): Promise<WebgpuEngine> {
  // Absent in browsers without WebGPU, and on pages that are not secure contexts.
  const gpu = (navigator as { readonly gpu?: GPU }).gpu
  if (!gpu) throw new DeviceError(`WebGPU: this browser, or this page without https, has none; ${REMEDY}`)
  return createWebgpuEngine(network, { gpu, shaders: SHADERS, remedy: REMEDY })
}
