/**
 * The networks that every engine computes in the suite, and those that each refuses.
 *
 * The shapes are the edges of tiles: 1, tile − 1, tile, tile + 1 and several tiles for tiles of 4, 8 and 16,
 * with batches that are not divisible by 4 and a smaller last batch.
 */
import type { Activation, Loss, Network } from '../../../src/model/network.ts'
import { hourglass } from '../../../src/model/recipes.ts'

interface Case {
  readonly label: string
  readonly network: Network
  readonly count: number
  readonly batchSize: number
  /** Whether it is left out where a few are to stand for all. */
  readonly isOneOfMany?: boolean
}

/**
 * A network of these layer sizes, one activation a layer, whose codes are the output of the narrowest layer.
 */
export function chain(sizes: readonly number[], activations: readonly Activation[], loss: Loss): Network {
  const outputs = sizes.slice(1)
  return {
    layers: activations.map((activation, i) => ({
      name: `fc${i + 1}`,
      inputs: sizes[i],
      outputs: outputs[i],
      activation,
    })),
    loss,
    codeLayer: outputs.indexOf(Math.min(...outputs)),
  }
}

/** What may follow the last layer of an autoencoder, and under which loss. */
const OUTPUTS = [
  ['sigmoid', 'mse'],
  ['identity', 'mse'],
  ['sigmoid', 'bce'],
] as const

const HIDDEN = ['relu', 'tanh', 'sigmoid', 'identity'] as const

/**
 * Every depth that is asked of engines, with hidden activations in turn: over the four starts each activation
 * stands in each place. Widths lie around 40 and 80, the panels of the WASM engine, and 16, the tiles of
 * WebGPU.
 */
const CHAINS: readonly Case[] = [
  [9],
  [41, 7],
  [39, 40, 17],
  [40, 79, 81, 3, 16],
  [17, 33, 41, 2, 15, 40],
  [16, 24, 39, 8, 3, 9, 15, 17],
].flatMap((widths, turn) =>
  HIDDEN.flatMap((_, start): Case[] => {
    // One layer has no hidden activation, so the start says the output alone.
    const hidden = widths.slice(1).map((_, i) => HIDDEN[(start + i) % HIDDEN.length])
    const [output, loss] = OUTPUTS[(start + widths.length) % OUTPUTS.length]
    if (widths.length === 1 && start >= OUTPUTS.length) return []
    const network = chain([...widths, widths[0]], [...hidden, output], loss)
    const label = `${[...hidden, output].join(', ')} of ${widths.join('-')}, ${loss}`
    // Of each depth one stands for all, with another start at each.
    return [{ label, network, count: 11, batchSize: 4, isOneOfMany: start !== turn % OUTPUTS.length }]
  }),
)

/** One hidden layer and a softmax over ten classes. */
function classifier(inputs: number, hidden: number): Network {
  return {
    layers: [
      { name: 'fc1', inputs, outputs: hidden, activation: 'relu' },
      { name: 'fc2', inputs: hidden, outputs: 10, activation: 'softmax' },
    ],
    loss: 'crossEntropy',
    codeLayer: 0,
  }
}

export const probe: Network = {
  layers: [{ name: 'probe', inputs: 9, outputs: 10, activation: 'softmax' }],
  loss: 'crossEntropy',
  codeLayer: 0,
}

function autoencoderCase(
  [input, hidden, bottleneck]: [number, number, number],
  count: number,
  batchSize: number,
  latentActivation: 'relu' | 'identity' = 'relu',
): Case {
  const label = `${input}-${hidden}-${bottleneck} ${latentActivation}, ${count} rows by ${batchSize}`
  const network = hourglass({ input, hidden, bottleneck, latentActivation })
  return { label, network, count, batchSize }
}

export const CASES: readonly Case[] = [
  autoencoderCase([7, 5, 3], 10, 4),
  autoencoderCase([17, 33, 1], 13, 5, 'identity'),
  autoencoderCase([64, 32, 8], 24, 8),
  autoencoderCase([65, 47, 16], 50, 17),
  autoencoderCase([15, 16, 2], 3, 1, 'identity'),
  autoencoderCase([16, 15, 4], 9, 100),
  // One column beyond whole panels and blocks of the WASM engine's kernels, and none.
  autoencoderCase([281, 41, 40], 21, 11),
  autoencoderCase([200, 80, 3], 12, 12, 'identity'),
  { label: 'classifier 13-11-10, 15 rows by 6', network: classifier(13, 11), count: 15, batchSize: 6 },
  { label: 'probe 9-10, 11 rows by 4', network: probe, count: 11, batchSize: 4 },
  {
    label: 'classifier with tanh and sigmoid 12-9-7-10, 13 rows by 5',
    network: chain([12, 9, 7, 10], ['tanh', 'sigmoid', 'softmax'], 'crossEntropy'),
    count: 13,
    batchSize: 5,
  },
  ...CHAINS,
]

/** Networks that no engine computes, and what each of them says. */
export const REFUSED: readonly (readonly [Network, string])[] = [
  [
    chain([4, 3, 4], ['softmax', 'sigmoid'], 'mse'),
    'activation of fc1: expected relu, tanh, sigmoid, identity, found softmax',
  ],
  [
    chain([4, 3, 4], ['relu', 'relu'], 'mse'),
    'activation of fc2: expected sigmoid or identity with the loss mse, found relu',
  ],
  [
    chain([4, 3, 4], ['relu', 'tanh'], 'mse'),
    'activation of fc2: expected sigmoid or identity with the loss mse, found tanh',
  ],
  [
    chain([4, 3, 4], ['relu', 'identity'], 'bce'),
    'activation of fc2: expected sigmoid with the loss bce, found identity',
  ],
  [
    chain([4, 3, 4], ['relu', 'sigmoid'], 'crossEntropy'),
    'activation of fc2: expected softmax with the loss crossEntropy, found sigmoid',
  ],
  [
    chain([4, 3, 4], ['gelu' as Activation, 'sigmoid'], 'mse'),
    'activation of fc1: expected relu, tanh, sigmoid, identity, found gelu',
  ],
  [chain([4, 3, 4], ['relu', 'sigmoid'], 'mae' as Loss), 'loss: expected mse, bce, crossEntropy, found mae'],
  [chain([4, 3, 5], ['relu', 'sigmoid'], 'mse'), 'outputs of fc2: expected as many as the 4 inputs, found 5'],
  [chain([4, 300], ['softmax'], 'crossEntropy'), 'outputs of fc1: expected at most 256 classes, found 300'],
  [
    { ...chain([4, 3, 4], ['relu', 'sigmoid'], 'mse'), codeLayer: 2 },
    'code layer: expected an index from 0 to 1, found 2',
  ],
  [{ layers: [], loss: 'mse', codeLayer: 0 }, 'layers: expected at least one, found 0'],
  [
    chain([4, 0, 4], ['relu', 'sigmoid'], 'mse'),
    'size of fc1: expected a whole number of at least 1, found 0',
  ],
  [
    chain([4, 2.5, 4], ['relu', 'sigmoid'], 'mse'),
    'size of fc1: expected a whole number of at least 1, found 2.5',
  ],
  [
    {
      ...probe,
      layers: [
        { name: 'a', inputs: 4, outputs: 3, activation: 'relu' },
        { name: 'b', inputs: 2, outputs: 10, activation: 'softmax' },
      ],
    },
    'inputs of b: expected the 3 of a, found 2',
  ],
  [
    {
      ...probe,
      layers: [
        { name: 'a', inputs: 4, outputs: 3, activation: 'relu' },
        { name: 'a', inputs: 3, outputs: 10, activation: 'softmax' },
      ],
    },
    'name of layer 2: expected one that no other has, found a',
  ],
]
