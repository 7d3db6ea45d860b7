/** Which networks can be computed: the one rule for engines, files and settings. */
import { UsageError } from '../errors.ts'
import type { Activation, HiddenActivation, Loss, Network } from './network.ts'
import { inputSize, isAutoencoder } from './network.ts'

export const HIDDEN_ACTIVATIONS: readonly HiddenActivation[] = ['relu', 'tanh', 'sigmoid', 'identity']

/** Most units of a layer, and values of a row (256 × 256 pixels): more would not fit any engine's memory. */
export const WIDEST_LAYER = 65536

/** Class indices are bytes. */
export const MOST_CLASSES = 256

/** Activations of the last layer that each loss is defined for. */
export const OUTPUT_ACTIVATIONS: Readonly<Record<Loss, readonly Activation[]>> = {
  mse: ['sigmoid', 'identity'],
  bce: ['sigmoid'],
  crossEntropy: ['softmax'],
}

/**
 * Throws UsageError for a network that engines do not compute: layers that do not fit each other, or an
 * activation or loss in a place that there is no formula for. Whatever passes, every engine computes.
 */
export function checkNetwork(network: Network): void {
  const { layers, loss, codeLayer } = network ?? {}
  const expect = (holds: boolean, what: string, expected: string, found: unknown) => {
    if (!holds) throw new UsageError(`network: ${what}: expected ${expected}, found ${String(found)}`)
  }
  expect(Array.isArray(layers), 'layers', 'a list, as of hourglass()', layers)
  expect(layers.length > 0, 'layers', 'at least one', layers.length)
  layers.forEach(({ name, inputs, outputs }, i) => {
    for (const size of [inputs, outputs]) {
      expect(Number.isSafeInteger(size) && size >= 1, `size of ${name}`, 'a whole number of at least 1', size)
    }
    const isNew = layers.findIndex((layer) => layer.name === name) === i
    expect(name !== '' && isNew, `name of layer ${i + 1}`, 'one that no other has', name)
    if (i === 0) return
    const before = layers[i - 1]
    expect(inputs === before.outputs, `inputs of ${name}`, `the ${before.outputs} of ${before.name}`, inputs)
    expect(
      (HIDDEN_ACTIVATIONS as readonly Activation[]).includes(before.activation),
      `activation of ${before.name}`,
      HIDDEN_ACTIVATIONS.join(', '),
      before.activation,
    )
  })
  expect(Object.hasOwn(OUTPUT_ACTIVATIONS, loss), 'loss', Object.keys(OUTPUT_ACTIVATIONS).join(', '), loss)
  const last = layers[layers.length - 1]
  const outputs = OUTPUT_ACTIVATIONS[loss]
  expect(
    outputs.includes(last.activation),
    `activation of ${last.name}`,
    `${outputs.join(' or ')} with the loss ${loss}`,
    last.activation,
  )
  if (isAutoencoder(network)) {
    const inputs = inputSize(network)
    expect(
      last.outputs === inputs,
      `outputs of ${last.name}`,
      `as many as the ${inputs} inputs`,
      last.outputs,
    )
  } else {
    const classes = `at most ${MOST_CLASSES} classes`
    expect(last.outputs <= MOST_CLASSES, `outputs of ${last.name}`, classes, last.outputs)
  }
  const isLayer = Number.isInteger(codeLayer) && codeLayer >= 0 && codeLayer < layers.length
  expect(isLayer, 'code layer', `an index from 0 to ${layers.length - 1}`, codeLayer)
}
