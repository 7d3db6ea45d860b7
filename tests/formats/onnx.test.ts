import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { type OnnxPart, writeOnnx } from '../../src/formats/onnx.ts'
import { type Network, parameterCount } from '../../src/model/network.ts'
import { networkRows, type Preprocessing, rawRows, type Scaling } from '../../src/model/preprocessing.ts'
import { classifier, hourglass } from '../../src/model/recipes.ts'
import { stateOf } from '../../src/model/state.ts'
import { addUnseen } from '../../src/model/unseen.ts'
import { createRandomSequence } from '../../src/random/sequence.ts'
import { fingerprints, smallNetwork } from './small-model.ts'

/** Weights of the size that training leaves, signed. */
function randomParameters(network: Network): Float32Array {
  const random = createRandomSequence(3)
  return Float32Array.from({ length: parameterCount(network) }, () => 0.1 * random.normal())
}

async function runOnnx(file: Uint8Array, inputs: Float32Array, rows: number) {
  const session = await ort.InferenceSession.create(file, { executionProviders: ['wasm'] })
  const [input] = session.inputNames
  const tensor = new ort.Tensor('float32', inputs, [rows, inputs.length / rows])
  const results = await session.run({ [input]: tensor })
  const [output] = session.outputNames
  const { data, dims } = results[output]
  await session.release()
  return { input, output, outputs: session.outputNames.length, dims, data: data as Float32Array }
}

/** Parts of the network itself. */
const CUT_PARTS = ['autoencoder', 'encoder', 'decoder'] as const

async function expectedOutput(
  network: Network,
  parameters: Float32Array,
  part: Exclude<OnnxPart, 'score'>,
  inputs: Float32Array,
) {
  const engine = createReferenceEngine(network)
  await engine.writeState(stateOf(parameters))
  const methods = { autoencoder: engine.forward, encoder: engine.encode, decoder: engine.decode }
  const output = await methods[part].call(engine, inputs)
  await engine.dispose()
  return output
}

const NETWORKS: Record<string, Network> = {
  'the seed’s network': hourglass({ input: 784, hidden: 392, bottleneck: 8 }),
  'a small network': smallNetwork(),
  'a small network with identity latents': smallNetwork('identity'),
  'a deep network of tanh with a linear code': hourglass({
    input: 20,
    hidden: [16, 12, 7],
    bottleneck: 3,
    activation: 'tanh',
    latentActivation: 'identity',
    loss: 'bce',
  }),
  'a linear network of sigmoid hidden layers': hourglass({
    input: 11,
    hidden: [6],
    bottleneck: 2,
    activation: 'sigmoid',
    latentActivation: 'tanh',
    outputActivation: 'identity',
  }),
  'a network of one hidden layer, the code': hourglass({ input: 7, hidden: [], bottleneck: 3 }),
}

for (const [name, network] of Object.entries(NETWORKS)) {
  for (const part of CUT_PARTS) {
    test(`${name}, ${part}: ONNX Runtime gives the reference engine’s outputs to 1e-5`, async () => {
      const small = network.layers[0].inputs === 5
      const parameters = small ? fingerprints(network) : randomParameters(network)
      const { bytes, input, output } = writeOnnx(network, parameters, part)
      // The batch axis is dynamic: one file, several batches.
      for (const rows of [1, 7]) {
        const random = createRandomSequence(rows)
        const inputs = Float32Array.from(
          { length: rows * input.size },
          () => random.uniform() * (part === 'decoder' ? 20 : 1),
        )
        const found = await runOnnx(bytes, inputs, rows)
        assert.is(found.input, part === 'decoder' ? 'code' : 'image')
        assert.is(found.output, part === 'encoder' ? 'code' : 'reconstruction')
        assert.is(found.output, output.name)
        assert.is(found.outputs, 1)
        assert.equal(found.dims, [rows, output.size])
        const expected = await expectedOutput(network, parameters, part, inputs)
        assert.is(found.data.length, expected.length)
        found.data.forEach((value, i) => {
          assert.ok(
            Math.abs(value - expected[i]) <= 1e-5,
            `output ${i}: expected ${expected[i]}, found ${value}`,
          )
        })
      }
    })
  }
}

test('inputs and outputs are called what the caller calls them', () => {
  const network = smallNetwork()
  const parameters = fingerprints(network)
  const names = { row: 'row', code: 'latent', output: 'restored' }
  const ports = CUT_PARTS.map((part) => {
    const { input, output } = writeOnnx(network, parameters, part, names)
    return [input.name, output.name]
  })
  assert.equal(ports, [
    ['row', 'restored'],
    ['row', 'latent'],
    ['latent', 'restored'],
  ])
})

test('a network that ends with its code has an encoder and no decoder', async () => {
  const network: Network = {
    layers: [{ name: 'only', inputs: 4, outputs: 4, activation: 'identity' }],
    loss: 'mse',
    codeLayer: 0,
  }
  const parameters = fingerprints(network)
  const inputs = Float32Array.of(1, -2, 0.5, 3)
  for (const part of ['autoencoder', 'encoder'] as const) {
    const found = await runOnnx(writeOnnx(network, parameters, part).bytes, inputs, 1)
    const expected = await expectedOutput(network, parameters, part, inputs)
    for (const [i, value] of found.data.entries()) {
      assert.ok(Math.abs(value - expected[i]) <= 1e-5, `output ${i}`)
    }
  }
  assert.throws(() => writeOnnx(network, parameters, 'decoder'), /expected layers after the code layer/)
})

test('a classifier’s softmax, and its encoder', async () => {
  const network = classifier({ input: 5, hidden: 4, bottleneck: 2, classes: 3 })
  const parameters = fingerprints(network)
  const inputs = Float32Array.from({ length: 10 }, (_, i) => ((i * 7) % 10) / 10)
  for (const [part, name] of [
    ['autoencoder', 'probabilities'],
    ['encoder', 'code'],
  ] as const) {
    const found = await runOnnx(writeOnnx(network, parameters, part).bytes, inputs, 2)
    const expected = await expectedOutput(network, parameters, part, inputs)
    assert.is(found.output, name)
    assert.is(found.data.length, expected.length)
    found.data.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]) <= 1e-5, `output ${i}: expected ${expected[i]}, found ${value}`)
    })
  }
})

test('the same model gives the same bytes', () => {
  const network = smallNetwork()
  assert.equal(
    writeOnnx(network, fingerprints(network)).bytes,
    writeOnnx(network, fingerprints(network)).bytes,
  )
})

/** Five raw columns: a large offset, a small spread, a constant, a category of two. */
const PREPROCESSING: Preprocessing = {
  features: [
    { kind: 'number', name: 'offset', fill: 1e6 },
    { kind: 'number', name: 'small' },
    { kind: 'number', name: 'constant', fill: 7 },
    { kind: 'category', name: 'site', categories: ['a', 'b'] },
  ],
  scaling: {
    kind: 'standard',
    shift: [1e6, 2e-9, 7, 0.25, 0.75],
    factor: [1 / 3, 1 / 4e-10, 0, 1 / 0.43, 1 / 0.43],
    rows: 100,
  },
}

const RAW = Float32Array.of(
  1000003,
  2.5e-9,
  7,
  1,
  0,
  999998,
  1.1e-9,
  7,
  0,
  1,
  Number.NaN,
  2e-9,
  Number.NaN,
  0,
  0,
)

test('raw rows go in and come out: empty cells are filled, and scaling is part of the graph', async () => {
  const network = hourglass({ input: 5, hidden: 4, bottleneck: 2, outputActivation: 'identity' })
  const parameters = randomParameters(network)
  const scaled = networkRows(RAW, PREPROCESSING) as Float32Array
  assert.ok(scaled.every((value) => Math.abs(value) < 5))
  for (const part of CUT_PARTS) {
    const { bytes, input } = writeOnnx(network, parameters, part, { preprocessing: PREPROCESSING })
    assert.is(input.name, part === 'decoder' ? 'code' : 'row')
    const inputs = part === 'decoder' ? Float32Array.of(1, 2, 3, 4, 0, 1) : scaled
    const modelled = await expectedOutput(network, parameters, part, inputs)
    const expected = part === 'encoder' ? modelled : rawRows(modelled, PREPROCESSING)
    const found = await runOnnx(bytes, part === 'decoder' ? inputs : RAW, 3)
    const { factor } = PREPROCESSING.scaling as Scaling
    found.data.forEach((value, i) => {
      // Relative to the spread of the column: raw values differ by sixteen orders of magnitude.
      const spread = part === 'encoder' ? 1 : 1 / (factor[i % 5] || 1) + Math.abs(expected[i]) * 2 ** -24
      const difference = Math.abs(value - expected[i])
      assert.ok(difference <= 1e-5 * spread, `${part} ${i}: expected ${expected[i]}, found ${value}`)
    })
    if (part !== 'encoder') assert.is(found.data[2], 7)
  }
})

for (const preprocessing of [undefined, PREPROCESSING]) {
  const what = preprocessing ? 'of raw rows' : 'of rows as they are'
  test(`score, ${what}: the errors of the engine, and which are above the threshold`, async () => {
    const network = hourglass({ input: 5, hidden: 4, bottleneck: 2, outputActivation: 'identity' })
    const parameters = randomParameters(network)
    const random = createRandomSequence(8)
    // The constant has another value in one row.
    const rows = preprocessing ? RAW.with(7, 8) : Float32Array.from({ length: 15 }, () => random.normal())
    const seen = preprocessing ? networkRows(rows, preprocessing) : rows
    const engine = createReferenceEngine(network)
    await engine.writeState(stateOf(parameters))
    const expected = addUnseen(await engine.reconstructionErrors(seen), rows, preprocessing?.scaling)
    if (preprocessing) assert.ok(expected[1] > 100 / 5)
    await engine.dispose()
    const threshold = [...expected].sort((a, b) => a - b)[1] * 1.001
    const { bytes, verdict } = writeOnnx(network, parameters, 'score', { preprocessing, threshold })
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] })
    const input = new ort.Tensor('float32', rows, [3, 5])
    const found = await session.run({ [session.inputNames[0]]: input })
    await session.release()
    assert.equal(session.outputNames, ['error', verdict?.name])
    assert.equal(found.error.dims, [3])
    assert.equal(found.verdict.dims, [3])
    expected.forEach((error, i) => {
      const difference = Math.abs(Number(found.error.data[i]) - error)
      assert.ok(
        difference <= 1e-5 * Math.max(1, error),
        `row ${i}: expected ${error}, found ${found.error.data[i]}`,
      )
    })
    const verdicts = Array.from(found.verdict.data as Uint8Array, Boolean)
    assert.equal(
      verdicts,
      Array.from(expected, (error) => error > threshold),
    )
    assert.is(verdicts.filter(Boolean).length, 1)
  })
}

test('a score needs an autoencoder and a threshold', () => {
  const network = smallNetwork()
  const score = (threshold?: number) => writeOnnx(network, fingerprints(network), 'score', { threshold })
  assert.throws(() => score(), /^threshold: expected a number of at least 0, found none$/)
  assert.throws(() => score(Number.NaN), /found NaN$/)
  const classes = classifier({ input: 5, hidden: 4, bottleneck: 2, classes: 3 })
  const refused = () => writeOnnx(classes, fingerprints(classes), 'score', { threshold: 1 })
  assert.throws(refused, /^score: expected an autoencoder/)
})

test.run()
