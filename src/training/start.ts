/** Where training starts from, beyond the seed's weights: biases that settings choose. */
import { columnSums, type RowSet } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { inputSize, isAutoencoder, parameterTable } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'
import type { TrainingConfig } from './config.ts'

type StartConfig = Pick<TrainingConfig, 'latentBias' | 'outputBias'>

/** Whether a run begins with other parameters than the seed's. */
export function choosesStart({ latentBias, outputBias }: StartConfig): boolean {
  return latentBias !== undefined || outputBias === 'mean'
}

/**
 * A copy of initial parameters, in canonical order, with the biases that the settings choose: numbers of
 * float32, so that every engine starts at the same ones.
 *
 * @param rows the training rows as the network gives them back, of which `outputBias` takes the means
 * @throws UsageError where `outputBias` asks for the means of what is not given back
 */
export function startParameters<Floats extends FloatArray>(
  network: Network,
  initial: Floats,
  { latentBias, outputBias }: StartConfig,
  rows: RowSet['rows'],
): Floats {
  const parameters = initial.slice() as Floats
  if (latentBias !== undefined) biasesOf(network, parameters, network.codeLayer).fill(Math.fround(latentBias))
  if (outputBias === 'mean') {
    if (!isAutoencoder(network)) {
      throw new UsageError('output bias: expected constant for a network that tells classes, found mean')
    }
    const last = network.layers.length - 1
    const isSigmoid = network.layers[last].activation === 'sigmoid'
    const means = columnMeans(rows, inputSize(network))
    biasesOf(network, parameters, last).set(Float32Array.from(isSigmoid ? means.map(logit) : means))
  }
  return parameters
}

function biasesOf(network: Network, parameters: FloatArray, layer: number): FloatArray {
  const { offset, length } = parameterTable(network)[2 * layer + 1]
  return parameters.subarray(offset, offset + length)
}

/** Means of the columns as the network sees them: bytes are value / 255. */
function columnMeans(rows: RowSet['rows'], columns: number): Float64Array {
  const scale = (rows.length / columns) * (rows instanceof Uint8Array ? 255 : 1)
  return columnSums(rows, columns).map((sum) => sum / scale)
}

/**
 * Means nearer to 0 or 1 count as so near: the slope of the sigmoid is still a hundredth there, and a value
 * that is rarely lit can be learned.
 */
const LEAST_MEAN = 0.01

/** Square roots that bring a ratio from 1 / 99 to 99 to between 0.75 and 1.34. */
const ROOTS = 4
/** Terms of the series that count for those. */
const TERMS = 10

/**
 * ln(p / (1 − p)), the inverse of the sigmoid, closer than float32 can tell; by +, −, ×, ÷ and √ alone, which
 * every JavaScript engine rounds alike: ln r = 2ⁿ⁺¹ artanh((s − 1) / (s + 1)) with s the 2ⁿ-th root of r.
 */
function logit(mean: number): number {
  const p = Math.min(Math.max(mean, LEAST_MEAN), 1 - LEAST_MEAN)
  let root = p / (1 - p)
  for (let i = 0; i < ROOTS; i++) root = Math.sqrt(root)
  const t = (root - 1) / (root + 1)
  let sum = 0
  for (let k = TERMS - 1; k >= 0; k--) sum = 1 / (2 * k + 1) + t * t * sum
  return 2 ** (ROOTS + 1) * t * sum
}
