/** A 5-4-2-4-5 autoencoder for tests of files: small enough that thousands of cases are quick. */

import type { Tensor } from '../../src/formats/tensor.ts'
import {
  type HiddenActivation,
  type Network,
  parameterCount,
  parameterTable,
} from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'

export function smallNetwork(latentActivation: HiddenActivation = 'relu'): Network {
  return hourglass({ input: 5, hidden: 4, bottleneck: 2, latentActivation })
}

/** Signed, and different everywhere: a value out of place shows. */
export function fingerprints(network: Network): Float32Array {
  return Float32Array.from({ length: parameterCount(network) }, (_, i) => (((i * 37) % 101) - 50) / 25)
}

export function tensorsOf(network: Network, parameters: Float32Array): Map<string, Tensor> {
  return new Map(
    parameterTable(network).map(({ name, shape, offset, length }) => [
      name,
      { shape, data: parameters.slice(offset, offset + length) },
    ]),
  )
}
