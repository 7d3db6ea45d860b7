import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDataset } from '../../src/data/node-files.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { UsageError } from '../../src/errors.ts'
import { LATENT_ACTIVATION_KEY, modelFormat, readModel, writeModel } from '../../src/formats/model-file.ts'
import { writeSafetensors } from '../../src/formats/safetensors.ts'
import type { Tensor } from '../../src/formats/tensor.ts'
import { writeTorch } from '../../src/formats/torch.ts'
import { parameterCount } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
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
    'f: tensor "fc2.bias" holds 1 of 2 values that are NaN or infinite',
    'f: tensor "fc3.weight" holds 3 of 8 values that are NaN or infinite',
  ])
})

test('tensors that form no autoencoder are named, with what was expected and found', () => {
  const set = (name: string, shape: number[]) =>
    altered((tensors) =>
      tensors.set(name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }),
    )
  const kind = 'a network 5 → 4 → 2 → 4 → 5'
  refuse(
    altered((t) => t.clear()),
    /"fc1\.weight" is missing; it holds no tensors/,
  )
  refuse(
    altered((t) => t.delete('fc1.weight')),
    /"fc1\.weight" is missing; it holds "fc1\.bias", "fc2\.weight"/,
  )
  refuse(
    altered((t) => t.delete('fc4.bias')),
    new RegExp(`"fc4\\.bias" of ${kind} is missing`),
  )
  refuse(set('conv.weight', [3]), new RegExp(`"conv\\.weight" is not part of ${kind}`))
  refuse(set('fc1.weight', [20]), /"fc1\.weight": expected a shape \(out, in\), found \(20\)/)
  refuse(set('fc2.weight', [0, 4]), /"fc2\.weight": expected a shape \(out, in\), found \(0, 4\)/)
  refuse(
    set('fc2.weight', [2, 3]),
    new RegExp(`"fc2\\.weight": expected \\(2, 4\\) for ${kind}, found \\(2, 3\\)`),
  )
  refuse(set('fc4.weight', [4, 5]), /"fc4\.weight": expected \(5, 4\) .*, found \(4, 5\)/)
  refuse(set('fc1.bias', [4, 1]), /"fc1\.bias": expected \(4\) .*, found \(4, 1\)/)
  refuse(
    altered((t) => t.set('fc1.bias', { shape: [4], data: new Int32Array(4) })),
    /"fc1\.bias": expected floating-point/,
  )
  refuse(
    altered(() => {}, { [LATENT_ACTIVATION_KEY]: 'tanh' }),
    /expected relu or identity, found "tanh"/,
  )
})

test('a huge network that the file cannot hold allocates nothing', () => {
  const bytes = altered((tensors) => {
    tensors.set('fc1.weight', { shape: [1_000_000, 1], data: new Float32Array(1_000_000) })
    tensors.set('fc2.weight', { shape: [1_000_000, 1], data: new Float32Array(1_000_000) })
  })
  refuse(bytes, /"fc1\.bias": expected \(1000000\)/)
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
