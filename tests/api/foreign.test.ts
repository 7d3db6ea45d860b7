/** Files of other programs, which say no more than their layers: the caller says the rest. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Autoencoder } from '../../src/api/node.ts'
import { FileError, UsageError } from '../../src/errors.ts'
import { writeSafetensors } from '../../src/formats/safetensors.ts'
import { rejection } from '../support/rejection.ts'

/** 3 → 2 → 1 → 3, weights that tell the layer and the place. */
const SIZES = [3, 2, 1, 3] as const
const WEIGHTS = [1, 2, 3].map((layer) =>
  Float32Array.from({ length: SIZES[layer] * SIZES[layer - 1] }, (_, i) => 0.1 * layer - 0.15 * i),
)
const BIASES = [1, 2, 3].map((layer) => Float32Array.from({ length: SIZES[layer] }, (_, i) => 0.2 * i - 0.1))
const FILE = writeSafetensors(
  new Map(
    [0, 1, 2].flatMap((i) => [
      [`net.${2 * i}.weight`, { shape: [SIZES[i + 1], SIZES[i]], data: WEIGHTS[i] }],
      [`net.${2 * i}.bias`, { shape: [SIZES[i + 1]], data: BIASES[i] }],
    ]),
  ),
)

/** What PyTorch computes for `Linear, Tanh, Linear, Linear`: x W' + b, by hand. */
function expected(row: readonly number[]): number[] {
  let values: number[] = [...row]
  for (let i = 0; i < 3; i++) {
    const inputs = values
    values = Array.from(BIASES[i], (bias, out) =>
      inputs.reduce((sum, value, at) => sum + value * WEIGHTS[i][out * inputs.length + at], bias),
    )
    if (i === 0) values = values.map(Math.tanh)
  }
  return values
}

const ROW = [0.3, -1.2, 0.8]
const SAID = {
  activation: 'tanh',
  latentActivation: 'identity',
  outputActivation: 'identity',
  loss: 'mse',
  codeLayer: 2,
} as const

test('what the file does not say is taken from the options, and nothing is warned of', async () => {
  await using model = await Autoencoder.fromBytes(FILE, 'foreign.safetensors', { device: 'cpu', ...SAID })
  assert.equal(model.warnings, [])
  const found = await model.reconstruct(Float32Array.from(ROW))
  expected(ROW).forEach((value, i) => {
    assert.ok(Math.abs(found[i] - value) < 1e-6, `${i}: expected ${value}, found ${found[i]}`)
  })
})

test('without them it is guessed, which is said', async () => {
  await using model = await Autoencoder.fromBytes(FILE, 'foreign.safetensors', { device: 'cpu' })
  assert.match(model.warnings[0], /says no more than its layers.*hidden activation relu/)
  assert.is(model.network.layers[0].activation, 'relu')
})

test('layers are counted from 1; what cannot be is one line', async () => {
  await using model = await Autoencoder.fromBytes(FILE, 'f', { device: 'cpu', ...SAID, codeLayer: 1 })
  assert.is(model.network.codeLayer, 0)
  const refused = (options: object, kind: typeof UsageError | typeof FileError) =>
    rejection(Autoencoder.fromBytes(FILE, 'f.safetensors', { ...SAID, ...options }), kind)
  assert.match((await refused({ codeLayer: 0 }, UsageError)).message, /^codeLayer: expected .*found 0$/)
  assert.match((await refused({ codeLayer: 4 }, FileError)).message, /one of its 3 layers, found layer 4$/)
  assert.match((await refused({ activation: 'gelu' }, FileError)).message, /expected relu, .*found gelu$/)
  assert.match((await refused({ hidden: 3 }, UsageError)).message, /expected options among .*found hidden$/)
})

test.run()
