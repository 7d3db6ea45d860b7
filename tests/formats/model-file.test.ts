import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDataset } from '../../src/data/node-files.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { UsageError } from '../../src/errors.ts'
import {
  LATENT_ACTIVATION_KEY,
  modelFormat,
  NETWORK_KEY,
  readModel,
  writeModel,
} from '../../src/formats/model-file.ts'
import { networkToJson } from '../../src/formats/network-json.ts'
import { writeOnnx } from '../../src/formats/onnx.ts'
import { writeSafetensors } from '../../src/formats/safetensors.ts'
import type { Tensor } from '../../src/formats/tensor.ts'
import { writeTorch } from '../../src/formats/torch.ts'
import { type Network, parameterCount } from '../../src/model/network.ts'
import { classifier, hourglass } from '../../src/model/recipes.ts'
import { stateOf } from '../../src/model/state.ts'
import { assertRefused } from './refusal.ts'
import { fingerprints, smallNetwork, tensorsOf } from './small-model.ts'

const fixture = (name: string) => readFileSync(new URL(`../fixtures/interop/${name}`, import.meta.url))

const network = smallNetwork()
const parameters = fingerprints(network)

/** A model file whose tensors `change` has altered. */
function altered(change: (tensors: Map<string, Tensor>) => void, metadata: Record<string, string> = {}) {
  const tensors = tensorsOf(network, parameters)
  change(tensors)
  return writeSafetensors(tensors, metadata)
}

const refuse = (bytes: Uint8Array, expected: RegExp) =>
  assertRefused((file) => readModel(bytes, file), expected)

test('the model that PyTorch trained gives PyTorch’s codes to 1e-4 and its pixels to 1e-6', async () => {
  const { latent_first4_test: codes, recon_test0_row14: row } = JSON.parse(
    fixture('MLP.8.json').toString(),
  ) as {
    latent_first4_test: number[][]
    recon_test0_row14: number[]
  }
  const model = readModel(fixture('MLP.8.pth'), 'MLP.8.pth')
  assert.equal(model.warnings, [])
  assert.equal(model.network, hourglass({ input: 784, hidden: 392, bottleneck: 8 }))
  const { test: images } = await loadDataset()
  const engine = createReferenceEngine(model.network)
  await engine.writeState(stateOf(model.parameters))
  const first4 = images.rows.subarray(0, 4 * 784)
  const found = await engine.encode(first4)
  codes.flat().forEach((code, i) => {
    assert.ok(Math.abs(found[i] - code) <= 1e-4, `code ${i}: expected ${code}, found ${found[i]}`)
  })
  const pixels = await engine.forward(first4.subarray(0, 784))
  row.forEach((pixel, i) => {
    assert.ok(Math.abs(pixels[14 * 28 + i] - pixel) <= 1e-6, `pixel ${i}: expected ${pixel}`)
  })
  await engine.dispose()
})

for (const file of ['m.pth', 'm.pt', 'm.safetensors', 'M.SafeTensors']) {
  test(`what is written as ${file} is read back, the layers too`, () => {
    for (const latentActivation of ['relu', 'identity', 'tanh'] as const) {
      const network = smallNetwork(latentActivation)
      const bytes = writeModel({ network, parameters, metadata: { note: 'x' } }, file)
      const model = readModel(bytes, file)
      assert.equal(model.network, network)
      assert.equal(model.parameters, parameters)
      assert.is(model.metadata.note, 'x')
      assert.equal(model.warnings, [])
    }
  })
}

test('PyTorch’s small files of other dtypes and wrappings are one model, within their precision', () => {
  const plain = readModel(fixture('small/plain.pth'), 'f').parameters
  for (const [file, relativeError] of Object.entries({
    'plain.safetensors': 0,
    'deflated.pth': 0,
    'parameters.pth': 0,
    'module-prefix.pth': 0,
    'checkpoint.pth': 0,
    'float64.pth': 0,
    'float16.pth': 2 ** -11,
    'bfloat16.pth': 2 ** -8,
  })) {
    const read = readModel(fixture(`small/${file}`), 'f').parameters
    plain.forEach((value, i) => {
      assert.ok(Math.abs(read[i] - value) <= relativeError * Math.abs(value), `${file}, parameter ${i}`)
    })
  }
})

for (const write of [writeTorch, writeSafetensors]) {
  test(`${write.name}: names may carry the prefixes of wrappers, in any order`, () => {
    for (const prefix of [
      'model.',
      'module.',
      '_orig_mod.',
      'module._orig_mod.',
      'model._orig_mod.module.',
    ]) {
      const tensors = [...tensorsOf(network, parameters)].map(([name, t]): [string, Tensor] => [
        prefix + name,
        t,
      ])
      assert.equal(readModel(write(new Map(tensors)), 'f').parameters, parameters)
      // A prefix that only some have is no wrapper's.
      const bytes = write(new Map([...tensors.slice(1), ['fc1.weight', tensors[0][1]]]))
      assertRefused((file) => readModel(bytes, file), /fc1/)
    }
  })
}

test('float64 parameters are stored as float32', () => {
  const bytes = writeModel({ network, parameters: Float64Array.from(parameters) }, 'm.pth')
  assert.equal(readModel(bytes, 'm.pth').parameters, parameters)
})

test('a checkpoint’s further tensors are passed over', () => {
  const bytes = altered((tensors) => {
    for (const [name, tensor] of [...tensors]) tensors.set(`adam.m.${name}`, tensor)
    tensors.set('epoch.batch_losses', { shape: [2], data: Float64Array.of(1, 2) })
  })
  assert.equal(readModel(bytes, 'f').parameters, parameters)
})

test('content goes before the name, with a warning', () => {
  const torch = writeTorch(tensorsOf(network, parameters))
  assert.equal(readModel(torch, 'a.safetensors').warnings, [
    "a.safetensors: its name says .safetensors, its content is PyTorch's .pth (zip)",
  ])
  assert.match(
    readModel(
      altered(() => {}),
      'a.pth',
    ).warnings[0],
    /its name says .*\.pth .*, its content is \.safetensors/,
  )
  assert.equal(readModel(torch, 'a.bin').warnings, [])
})

test('what is neither format is refused, by name where the name tells one', () => {
  const bytes = new TextEncoder().encode('# results of 2024')
  refuse(bytes, /expected PyTorch's \.pth \(zip\) or \.safetensors, found neither/)
  refuse(new Uint8Array(0), /found neither/)
  refuse(writeOnnx(network, parameters).bytes, /found an ONNX model, which is written here and not read/)
  assert.throws(() => readModel(bytes, 'a.pth'), /^a\.pth: expected a zip file/)
  assert.throws(() => readModel(bytes, 'a.safetensors'), /^a\.safetensors: not a valid safetensors file/)
  refuse(fixture('MLP.8.legacy.pth'), /torch\.save\(model\.state_dict\(\)/)
})

test('NaN and infinite weights are warnings that name the tensor', () => {
  const bytes = altered((tensors) => {
    const { shape } = tensors.get('fc3.weight') as Tensor
    tensors.set('fc3.weight', { shape, data: Float32Array.of(0, NaN, 1, Infinity, 2, -Infinity, 3, 4) })
    // Finite as float64, infinite as float32.
    tensors.set('fc2.bias', { shape: [2], data: Float64Array.of(1e300, 0) })
  })
  assert.equal(readModel(bytes, 'f').warnings, [
    'f: tensor "fc2.bias" holds 1 of 2 values that are NaN or infinite in float32',
    'f: tensor "fc3.weight" holds 3 of 8 values that are NaN or infinite in float32',
  ])
})

/** A tensor of zeros in place of the model's, or beside its own. */
const withTensor = (name: string, shape: number[], metadata?: Record<string, string>) =>
  altered((tensors) => {
    tensors.set(name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) })
  }, metadata)

test('tensors that form no network are named, with what was expected and found', () => {
  refuse(
    altered((t) => t.clear()),
    /holds no tensors/,
  )
  refuse(
    altered((t) => t.delete('fc1.weight')),
    /"fc1\.weight" is missing; "fc1\.bias" needs it/,
  )
  refuse(
    altered((t) => t.delete('fc4.bias')),
    /"fc4\.bias" is missing; "fc4\.weight" needs it/,
  )
  refuse(withTensor('conv.weight', [3]), /"conv\.weight" of shape \(3\) is no weight/)
  refuse(withTensor('fc2.weight', [2, 3]), /"fc1\.weight" has 4 outputs, "fc2\.weight" takes 3 inputs/)
  refuse(withTensor('fc4.weight', [4, 5]), /"fc4\.bias": expected \(4\), .*, found \(5\)/)
  refuse(withTensor('fc1.bias', [4, 1]), /"fc1\.bias"/)
  refuse(
    altered((t) => t.set('fc1.bias', { shape: [4], data: new Int32Array(4) })),
    /"fc1\.bias": expected floating-point/,
  )
  refuse(
    altered(() => {}, { [LATENT_ACTIVATION_KEY]: 'tanh' }),
    /expected relu or identity, found "tanh"/,
  )
})

test('tensors that are not those of the network that the file describes are named', () => {
  const metadata = { [NETWORK_KEY]: networkToJson(network) }
  const kind = 'a network 5 → 4 → 2 → 4 → 5'
  refuse(
    altered((t) => t.delete('fc4.bias'), metadata),
    new RegExp(`"fc4\\.bias" of ${kind} is missing`),
  )
  refuse(withTensor('fc5.weight', [5, 5], metadata), new RegExp(`"fc5\\.weight" is not part of ${kind}`))
  refuse(
    withTensor('fc2.weight', [2, 3], metadata),
    new RegExp(`"fc2\\.weight": expected \\(2, 4\\) for ${kind}, found \\(2, 3\\)`),
  )
  refuse(withTensor('fc1.bias', [4, 1], metadata), /"fc1\.bias": expected \(4\) .*, found \(4, 1\)/)
  refuse(
    altered((t) => t.set('fc1.bias', { shape: [4], data: new Int32Array(4) }), metadata),
    /"fc1\.bias": expected floating-point/,
  )
})

test('what a file says of its network is checked as any network is', () => {
  const describing = (change: (json: { layers: Record<string, unknown>[]; codeLayer: unknown }) => void) => {
    const json = JSON.parse(networkToJson(network))
    change(json)
    return altered(() => {}, { [NETWORK_KEY]: JSON.stringify(json) })
  }
  refuse(
    altered(() => {}, { [NETWORK_KEY]: '{' }),
    /hourglass\.network: expected JSON/,
  )
  refuse(
    altered(() => {}, { [NETWORK_KEY]: '{}' }),
    /hourglass\.network\.layers: expected an array, found none/,
  )
  refuse(
    describing(({ layers }) => layers.splice(1, 1)),
    /network: inputs of fc3: expected the 4 of fc1, found 2/,
  )
  refuse(
    describing(({ layers }) => {
      layers[0].activation = 'softmax'
    }),
    /network: activation of fc1: expected relu, tanh/,
  )
  refuse(
    describing(({ layers }) => {
      layers[0].activation = 'selu'
    }),
    /hourglass\.network\.layers\[0\]\.activation: expected .*, found "selu"/,
  )
  refuse(
    describing((json) => {
      json.codeLayer = 4
    }),
    /network: code layer: expected an index from 0 to 3, found 4/,
  )
  refuse(
    describing(({ layers }) => {
      layers[0].name = 'x'.repeat(1000)
    }),
    /layers\[0\]\.name: expected at most 100 characters/,
  )
})

const NETWORKS: Record<string, Network> = {
  'deep, tanh, with a linear code': hourglass({
    input: 9,
    hidden: [7, 5, 4],
    bottleneck: 3,
    activation: 'tanh',
    latentActivation: 'identity',
  }),
  'of one hidden layer, under cross-entropy of each output': hourglass({
    input: 6,
    hidden: [],
    bottleneck: 2,
    latentActivation: 'sigmoid',
    loss: 'bce',
  }),
  'a classifier': classifier({ input: 6, hidden: [5, 4], bottleneck: 2, classes: 3 }),
  'of one layer': {
    layers: [{ name: 'only', inputs: 4, outputs: 4, activation: 'identity' }],
    loss: 'mse',
    codeLayer: 0,
  },
  'of names like a wrapper’s': {
    layers: [
      { name: 'model.a', inputs: 4, outputs: 2, activation: 'relu' },
      { name: 'model.b', inputs: 2, outputs: 4, activation: 'sigmoid' },
    ],
    loss: 'mse',
    codeLayer: 0,
  },
}

for (const [name, network] of Object.entries(NETWORKS)) {
  test(`a network ${name} is written and read in both formats`, () => {
    const parameters = fingerprints(network)
    for (const file of ['m.pth', 'm.safetensors']) {
      const model = readModel(writeModel({ network, parameters }, file), file)
      assert.equal(model.network, network)
      assert.equal(model.parameters, parameters)
      assert.equal(model.warnings, [])
      const guessed = readModel(writeModel({ network, parameters }, file), file, { loss: 'bce' })
      assert.equal(guessed.network, network)
      assert.match(guessed.warnings[0], /says itself what its network is/)
    }
  })
}

/** The small network's tensors under other names, in another order. */
function renamed(names: readonly string[], order: readonly number[] = [0, 1, 2, 3]): Map<string, Tensor> {
  const entries = [...tensorsOf(network, parameters)].map(([name, tensor]): [string, Tensor] => {
    const [, number, kind] = /^fc(\d)\.(.*)$/.exec(name) as unknown as [string, number, string]
    return [`${names[number - 1]}.${kind}`, tensor]
  })
  return new Map(order.flatMap((i) => entries.slice(2 * i, 2 * i + 2)))
}

test('a chain of Linear layers opens under any names, and a warning says what was taken', () => {
  const encoder = ['encoder.0', 'encoder.2', 'decoder.0', 'decoder.2']
  for (const [names, code] of [
    [encoder, 'encoder.2'],
    [['net.0', 'net.2', 'net.4', 'net.6'], 'net.2'],
    [['model.l1', 'model.l2', 'model.l3', 'model.l4'], 'l2'],
  ] as const) {
    for (const write of [writeTorch, writeSafetensors]) {
      const model = readModel(write(renamed(names)), 'f')
      assert.equal(model.network, network)
      assert.equal(model.parameters, parameters)
      assert.equal(model.warnings, [
        'f: says no more than its layers, 5 → 4 → 2 → 4 → 5; taken: ' +
          `"${code}" as the code layer (2 units), hidden activation relu, activation of the code relu, ` +
          'output activation sigmoid, loss mse',
      ])
    }
  }
  // As safetensors' own writer sorts them.
  const sorted = readModel(writeSafetensors(renamed(encoder, [2, 3, 0, 1])), 'f')
  assert.equal(sorted.network, network)
  assert.equal(sorted.parameters, parameters)
  // Four unrelated names: a state_dict has an order, a .safetensors has none.
  const unrelated = renamed(['a', 'b', 'c', 'd'])
  assert.equal(readModel(writeTorch(unrelated), 'f').parameters, parameters)
  refuse(writeSafetensors(unrelated), /several ways, .*"a\.weight" \(4, 5\)/)
  refuse(writeTorch(renamed(['a', 'b', 'c', 'd'], [1, 0, 3, 2])), /several ways/)
})

test('what the file cannot say is said by the caller', () => {
  const bytes = writeTorch(renamed(['net.0', 'net.2', 'net.4', 'net.6']))
  const guess = {
    hiddenActivation: 'tanh',
    latentActivation: 'identity',
    outputActivation: 'identity',
    loss: 'mse',
    codeLayer: 2,
  } as const
  const model = readModel(bytes, 'f', guess)
  assert.equal(
    model.network.layers.map((layer) => layer.activation),
    ['tanh', 'tanh', 'identity', 'identity'],
  )
  assert.is(model.network.codeLayer, 2)
  assert.equal(model.warnings, [])
  const { codeLayer: _, loss: __, ...rest } = guess
  assert.match(
    readModel(bytes, 'f', rest).warnings[0],
    /taken: "net\.2" as the code layer \(2 units\), loss mse$/,
  )
  assert.throws(
    () => readModel(bytes, 'f', { codeLayer: 4 }),
    /^f: expected the code layer to be one of its 4 layers, found layer 5$/,
  )
  assert.throws(
    () => readModel(bytes, 'f', { outputActivation: 'softmax' }),
    /^f: network: activation of fc4: expected sigmoid or identity with the loss mse, found softmax$/,
  )
})

test('the narrowest layer but the last is the code, the first of several as narrow', () => {
  const chainOf = (...sizes: number[]) => {
    const layers = sizes.slice(1).map((outputs, i) => ({
      name: `net.${i}`,
      inputs: sizes[i],
      outputs,
      activation: 'relu' as const,
    }))
    const network: Network = { layers, loss: 'mse', codeLayer: 0 }
    return writeTorch(tensorsOf(network, fingerprints(network)))
  }
  assert.is(readModel(chainOf(9, 5, 3, 4, 9), 'f').network.codeLayer, 1)
  const tie = readModel(chainOf(9, 5, 3, 3, 9), 'f')
  assert.is(tie.network.codeLayer, 1)
  assert.match(tie.warnings[0], /"net\.1" as the code layer \(3 units, the first of several as narrow\)/)
  const classifying = readModel(chainOf(9, 5, 3), 'f', { loss: 'crossEntropy' })
  assert.is(classifying.network.codeLayer, 0)
  assert.is(classifying.network.layers[1].activation, 'softmax')
  assert.is(readModel(chainOf(4, 4), 'f').network.codeLayer, 0)
  assert.throws(
    () => readModel(chainOf(9, 5, 3), 'f'),
    /network: outputs of fc2: expected as many as the 9 inputs/,
  )
})

test('the seed’s network is known without a word, whatever is narrowest', () => {
  for (const bottleneck of [2, 4, 30]) {
    const seeds = hourglass({ input: 5, hidden: 4, bottleneck })
    const bytes = writeTorch(tensorsOf(seeds, fingerprints(seeds)))
    assert.equal(readModel(bytes, 'f').network, seeds)
    assert.equal(readModel(bytes, 'f').warnings, [])
    const linear = {
      ...seeds,
      layers: hourglass({ input: 5, hidden: 4, bottleneck, latentActivation: 'identity' }).layers,
    }
    assert.equal(readModel(bytes, 'f', { latentActivation: 'identity' }).network, linear)
  }
})

test('files of before networks were described open as they did', () => {
  for (const latentActivation of ['relu', 'identity'] as const) {
    const bytes = altered(() => {}, { [LATENT_ACTIVATION_KEY]: latentActivation })
    assert.equal(readModel(bytes, 'f').network, smallNetwork(latentActivation))
    assert.equal(readModel(bytes, 'f').warnings, [])
    // What the file says goes before what the caller thinks.
    const other = readModel(bytes, 'f', { latentActivation: 'tanh' })
    assert.equal(other.network, smallNetwork(latentActivation))
    assert.equal(other.warnings, [`f: says itself that its code is ${latentActivation}; tanh is not used`])
  }
})

test('a huge network that the file cannot hold allocates nothing', () => {
  const bytes = altered((tensors) => {
    tensors.set('fc1.weight', { shape: [1_000_000, 1], data: new Float32Array(1_000_000) })
    tensors.set('fc2.weight', { shape: [1_000_000, 1], data: new Float32Array(1_000_000) })
  })
  refuse(bytes, /"fc1\.bias": expected \(1000000\), .*, found \(4\)/)
})

test('names that ask for no known format', () => {
  assert.is(modelFormat('a/b.PTH'), 'torch')
  assert.is(modelFormat('b.safetensors'), 'safetensors')
  for (const file of ['model.onnx', 'pth', 'model', 'model.pth.bak']) {
    assert.throws(
      () => modelFormat(file),
      (error: unknown) => error instanceof UsageError && error.message.startsWith(`${file}: expected`),
    )
  }
  assert.is(parameters.length, parameterCount(network))
})

test.run()
