/**
 * Networks of every activation, output and loss, at widths about the panels of 40, their halves, and the
 * blocks of 200 columns.
 */
import type { Activation, Loss, Network } from '../../../src/model/network.ts'

function chain(
  inputs: number,
  layers: readonly (readonly [number, Activation])[],
  loss: Loss,
  codeLayer: number,
): Network {
  return {
    layers: layers.map(([outputs, activation], i) => ({
      name: `fc${i + 1}`,
      inputs: i === 0 ? inputs : layers[i - 1][0],
      outputs,
      activation,
    })),
    loss,
    codeLayer,
  }
}

export const NETWORKS: readonly Network[] = [
  chain(41, [[41, 'identity']], 'mse', 0),
  chain(
    90,
    [
      [39, 'tanh'],
      [90, 'sigmoid'],
    ],
    'bce',
    0,
  ),
  chain(
    81,
    [
      [201, 'sigmoid'],
      [20, 'identity'],
      [79, 'tanh'],
      [81, 'identity'],
    ],
    'mse',
    1,
  ),
  chain(
    119,
    [
      [80, 'relu'],
      [40, 'tanh'],
      [21, 'sigmoid'],
      [66, 'relu'],
      [41, 'sigmoid'],
      [119, 'sigmoid'],
    ],
    'bce',
    2,
  ),
  chain(
    30,
    [
      [17, 'sigmoid'],
      [9, 'tanh'],
      [10, 'softmax'],
    ],
    'crossEntropy',
    1,
  ),
]

/** Sizes and activations: `41-41 identity, mse`. */
export function describe({ layers, loss }: Network): string {
  const sizes = [layers[0].inputs, ...layers.map(({ outputs }) => outputs)].join('-')
  return `${sizes} ${layers.map(({ activation }) => activation).join(', ')}, ${loss}`
}

/** (count, inputs) bytes of which 3 in 5 are zero, and labels from 0 to 9. */
export function byteSet(network: Network, count: number): { rows: Uint8Array; labels: Uint8Array } {
  const length = count * network.layers[0].inputs
  const rows = Uint8Array.from({ length }, (_, i) => ((i * 37) % 5 < 3 ? 0 : (i * 97) % 256))
  return { rows, labels: Uint8Array.from({ length: count }, (_, i) => i % 10) }
}

/** The same with floats: from −1 to 1, or from 0 where the loss allows no others; one in eleven is zero. */
export function floatSet(network: Network, count: number): { rows: Float32Array; labels: Uint8Array } {
  const { rows, labels } = byteSet(network, count)
  const least = network.loss === 'bce' ? 0 : -1
  const floats = Float32Array.from(rows, (_, i) =>
    i % 11 === 3 ? 0 : least + ((1 - least) * ((i * 7919) % 1009)) / 1009,
  )
  return { rows: floats, labels }
}
