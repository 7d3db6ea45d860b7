/** The WebGPU engine in a browser, through `navigator.gpu`; the bundler puts the WGSL files in as text. */
import { DeviceError } from '../../errors.ts'
import type { Network } from '../../model/network.ts'
import activation from './shaders/activation.wgsl?raw'
import adam from './shaders/adam.wgsl?raw'
import applySplit from './shaders/apply-split.wgsl?raw'
import chain from './shaders/chain.wgsl?raw'
import chainBackward from './shaders/chain-backward.wgsl?raw'
import chainForward from './shaders/chain-forward.wgsl?raw'
import direct from './shaders/direct.wgsl?raw'
import finishActivation from './shaders/finish-activation.wgsl?raw'
import finishAdam from './shaders/finish-adam.wgsl?raw'
import finishGradient from './shaders/finish-gradient.wgsl?raw'
import finishLoss from './shaders/finish-loss.wgsl?raw'
import loss from './shaders/loss.wgsl?raw'
import mainLoss from './shaders/main-loss.wgsl?raw'
import mainRows from './shaders/main-rows.wgsl?raw'
import mainWeights from './shaders/main-weights.wgsl?raw'
import noise from './shaders/noise.wgsl?raw'
import operands from './shaders/operands.wgsl?raw'
import outputCrossEntropy from './shaders/output-cross-entropy.wgsl?raw'
import outputSoftmax from './shaders/output-softmax.wgsl?raw'
import productDirect from './shaders/product-direct.wgsl?raw'
import productTiled from './shaders/product-tiled.wgsl?raw'
import random from './shaders/random.wgsl?raw'
import rowCrossEntropy from './shaders/row-cross-entropy.wgsl?raw'
import rowLoss from './shaders/row-loss.wgsl?raw'
import rowsBytes from './shaders/rows-bytes.wgsl?raw'
import rowsFloats from './shaders/rows-floats.wgsl?raw'
import softmax from './shaders/softmax.wgsl?raw'
import step from './shaders/step.wgsl?raw'
import sums32 from './shaders/sums-32.wgsl?raw'
import sums64 from './shaders/sums-64.wgsl?raw'
import tiled from './shaders/tiled.wgsl?raw'
import type { ShaderSources } from './shaders.ts'
import type { WebgpuEngine } from './webgpu-engine.ts'
import { createWebgpuEngine } from './webgpu-engine.ts'

const SHADERS: ShaderSources = {
  activation,
  adam,
  'apply-split': applySplit,
  chain,
  'chain-backward': chainBackward,
  'chain-forward': chainForward,
  direct,
  'finish-activation': finishActivation,
  'finish-adam': finishAdam,
  'finish-gradient': finishGradient,
  'finish-loss': finishLoss,
  loss,
  'main-loss': mainLoss,
  'main-rows': mainRows,
  'main-weights': mainWeights,
  noise,
  operands,
  'output-cross-entropy': outputCrossEntropy,
  'output-softmax': outputSoftmax,
  'product-direct': productDirect,
  'product-tiled': productTiled,
  random,
  'row-cross-entropy': rowCrossEntropy,
  'row-loss': rowLoss,
  'rows-bytes': rowsBytes,
  'rows-floats': rowsFloats,
  softmax,
  step,
  'sums-32': sums32,
  'sums-64': sums64,
  tiled,
}

const REMEDY = 'use a browser with WebGPU and a GPU driver it accepts, or compute on the CPU'

/** Opens the browser's adapter. Rejects with a DeviceError that says why where there is none. */
export async function createWebgpuBrowserEngine(network: Network): Promise<WebgpuEngine> {
  // Absent in browsers without WebGPU, and on pages that are not secure contexts.
  const gpu = (navigator as { readonly gpu?: GPU }).gpu
  if (!gpu) throw new DeviceError(`WebGPU: this browser, or this page without https, has none; ${REMEDY}`)
  return createWebgpuEngine(network, { gpu, shaders: SHADERS, remedy: REMEDY })
}
