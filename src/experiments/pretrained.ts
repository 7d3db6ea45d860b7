/** A trained encoder as the start of a classifier. Runs in a browser. */
import type { Engine, Inputs } from '../engines/engine.ts'
import { parameterTable } from '../model/network.ts'
import { type FloatArray, stateOf } from '../model/state.ts'
import { initialParameters } from '../random/streams.ts'
import { spreadOf } from './table.ts'

/**
 * A head alone, which is a linear model, bears and needs larger steps: at 1e-3 it is not done after 3,000 of
 * them.
 */
export const HEAD_RATE_FACTOR = 10

/**
 * The encoder's parameters, its last layer scaled so that each code has a standard deviation of 1 over the
 * training rows. An autoencoder's codes may be of any size (here some 10), and a softmax head on codes that
 * large starts saturated. ReLU and identity both let a positive factor through, so the codes carry what they
 * carried; those of tanh and sigmoid are of size 1 already.
 *
 * @param engine of the classifier
 * @param trained parameters of the autoencoder, in canonical order
 * @param rows as the network sees them
 */
export async function standardizedEncoder(
  engine: Engine,
  trained: FloatArray,
  rows: Inputs,
): Promise<FloatArray> {
  const { network } = engine
  const [weight, bias, head] = parameterTable(network).slice(2 * network.codeLayer)
  const parameters: FloatArray = initialParameters(network, 0)
  parameters.set(trained.subarray(0, head.offset))
  await engine.writeState(stateOf(parameters))
  const { activation } = network.layers[network.codeLayer]
  if (activation !== 'relu' && activation !== 'identity') return parameters.slice(0, head.offset)
  const codes = await engine.encode(rows)
  const [units, inputs] = weight.shape
  for (let unit = 0; unit < units; unit++) {
    const { standardDeviation } = spreadOf(Array.from(codes.filter((_, i) => i % units === unit)))
    // A unit that never fires has no spread, and nothing to scale.
    if (!(standardDeviation > 0)) continue
    for (let i = 0; i < inputs; i++) parameters[weight.offset + unit * inputs + i] /= standardDeviation
    parameters[bias.offset + unit] /= standardDeviation
  }
  return parameters.slice(0, head.offset)
}
