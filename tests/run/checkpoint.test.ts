import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { FileError } from '../../src/errors.ts'
import { readModel, writeModel } from '../../src/formats/model-file.ts'
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts'
import type { Tensor } from '../../src/formats/tensor.ts'
import { parameterCount } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import type { FloatArray } from '../../src/model/state.ts'
import type { Checkpoint } from '../../src/run/checkpoint.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/run/checkpoint.ts'
import { Run } from '../../src/run/run.ts'
import { smallDataset } from '../support/small-data.ts'

const network = hourglass({ input: 12, hidden: 5, bottleneck: 2, latentActivation: 'identity' })
const length = parameterCount(network)

/** Value i tells its index and its slab; −0 and a denormal show that bits are kept. */
function slab<Slab extends FloatArray>(values: Slab, base: number): Slab {
  values.forEach((_, i) => {
    values[i] = (base + i / 1024) * (i % 2 === 0 ? 1 : -1)
  })
  values[1] = -0
  values[2] = 1e-40
  return values
}

function checkpoint(Type: typeof Float32Array | typeof Float64Array): Checkpoint {
  return {
    network,
    config: {
      seed: 4294967295,
      epochs: 30,
      batchSize: 10,
      learningRate: 1e-3,
      weightDecay: 1e-5,
      noiseStd: 0.2,
    },
    trainingRows: 95,
    identity: { train: 'a1', test: 'none', bits: 'wasm, plain', computation: '1' },
    progress: {
      epoch: 2,
      batchLosses: Float64Array.of(0.1, 1 / 3, 5e-324),
      schedule: { learningRate: 1e-4, best: 0.1 + 0.2, badEpochs: 3, cooldownLeft: 1 },
      history: [1, 2].map((epoch) => ({
        epoch,
        trainLoss: 1 / 3 / epoch,
        testLoss: 0.1 / epoch,
        learningRate: 1e-3,
        seconds: 1.25,
        imagesPerSecond: 60000 / 7,
      })),
    },
    state: {
      parameters: slab(new Type(length), 1),
      firstMoment: slab(new Type(length), 1000),
      secondMoment: slab(new Type(length), 2000),
      steps: 23,
    },
    notes: { data: '/a "directory"\n', save: 'größe.pth' },
  }
}

for (const Type of [Float32Array, Float64Array]) {
  test(`keeps every bit of a checkpoint in ${Type.name}`, () => {
    const expected = checkpoint(Type)
    const found = readCheckpoint(writeCheckpoint(expected), 'c')
    assert.equal(found, expected)
    for (const name of ['parameters', 'firstMoment', 'secondMoment'] as const) {
      assert.instance(found.state[name], Type)
      assert.ok(Object.is(found.state[name][1], -0))
      assert.is(found.state[name][2], new Type([1e-40])[0])
    }
  })
}

test('keeps the settings that joined later, and leaves out what is not given', () => {
  const { config, ...rest } = checkpoint(Float32Array)
  const rates = { schedule: 'cosine', warmup: 0.5, finalLearningRate: 1e-5 } as const
  const more = { ...rates, latentBias: -0.25, outputBias: 'mean' } as const
  const found = readCheckpoint(writeCheckpoint({ ...rest, config: { ...config, ...more } }), 'c')
  assert.equal(found.config, { ...config, ...more })
  assert.equal(
    Object.keys(readCheckpoint(writeCheckpoint({ ...rest, config }), 'c').config),
    Object.keys(config),
  )
})

test('a run whose rates spread over its epochs cannot have others, one of another schedule can', () => {
  const { state, ...record } = checkpoint(Float32Array)
  const epochs = 40
  assert.is(Run.from(record, 'c').continued({ epochs }).config.epochs, 40)
  assert.is(Run.from(record, 'c').continued({ epochs, schedule: 'plateau', warmup: 0 }).config.epochs, 40)
  const cosine = Run.from({ ...record, config: { ...record.config, schedule: 'cosine' } }, 'c')
  assert.is(cosine.continued({ epochs: 30, schedule: 'cosine' }).config.epochs, 30)
  assert.throws(
    () => cosine.continued({ epochs }),
    (error: Error) => error.message === 'c: expected a checkpoint of epochs 40, found one of 30',
  )
  assert.throws(
    () => Run.from(record, 'c').continued({ schedule: 'cosine' }),
    (error: Error) => error.message === 'c: expected a checkpoint of schedule cosine, found one of plateau',
  )
})

test('keeps a checkpoint from before the first epoch, whose best loss is infinite', () => {
  const { state, progress, ...rest } = checkpoint(Float32Array)
  const schedule = { ...progress.schedule, best: Infinity }
  const early = {
    ...rest,
    state: { ...state, steps: 3 },
    progress: { ...progress, epoch: 0, history: [], schedule },
  }
  assert.equal(readCheckpoint(writeCheckpoint(early), 'c'), early)
})

test('names tensors as PyTorch does, and opens as a model too', () => {
  const expected = checkpoint(Float32Array)
  const bytes = writeCheckpoint(expected)
  const { tensors } = readSafetensors(bytes, 'c')
  assert.equal(tensors.get('fc1.weight')?.shape, [5, 12])
  assert.equal(tensors.get('adam.m.fc4.bias')?.shape, [12])
  assert.equal(tensors.get('adam.v.fc2.weight')?.shape, [2, 5])
  const model = readModel(bytes, 'c.safetensors')
  assert.equal(model.parameters, expected.state.parameters)
  assert.equal(model.network, network)
})

test('reads a file of version 1, which kept sizes and no identity, and goes on with it to the same bits', async () => {
  const file = 'version-1.checkpoint.safetensors'
  const bytes = readFileSync(new URL(`../fixtures/checkpoints/${file}`, import.meta.url))
  const found = readCheckpoint(bytes, file)
  const sizes = { input: 30, hidden: 5, bottleneck: 2, latentActivation: 'identity' } as const
  assert.equal(found.network, hourglass(sizes))
  assert.is(found.trainingRows, 53)
  assert.is(found.identity, undefined)
  assert.is(found.progress.epoch, 2)
  const engine = createReferenceEngine(found.network)
  await engine.writeState(found.state)
  const run = Run.from(found, file)
  await run.train(engine, smallDataset(53, 11))
  const resumed = (await engine.readState()).parameters
  const whole = Run.begin(found.network, found.config)
  await whole.train(engine, smallDataset(53, 11), {}, { initialize: true })
  assert.equal(resumed, (await engine.readState()).parameters)
})

type Metadata = Record<string, string>

/** A checkpoint file with something changed in it. */
function damaged(change: (tensors: Map<string, Tensor>, metadata: Metadata) => void): Uint8Array {
  const { tensors, metadata } = readSafetensors(writeCheckpoint(checkpoint(Float32Array)), 'c')
  change(tensors, metadata)
  return writeSafetensors(tensors, metadata)
}

function editJson(metadata: Metadata, key: string, change: (value: Record<string, unknown>) => void): void {
  const value = JSON.parse(metadata[key]) as Record<string, unknown>
  change(value)
  metadata[key] = JSON.stringify(value)
}

interface StoredLayer {
  inputs: number
  outputs: number
  activation: string
}

function editLayers(metadata: Metadata, change: (layers: StoredLayer[]) => void): void {
  editJson(metadata, 'hourglass.network', ({ layers }) => change(layers as StoredLayer[]))
}

const faults: [string, Uint8Array, string][] = [
  ['no safetensors', new TextEncoder().encode('nothing of the kind'), 'safetensors'],
  ['truncated', writeCheckpoint(checkpoint(Float32Array)).slice(0, -4), 'safetensors'],
  [
    'weights alone',
    damaged((_, metadata) => {
      delete metadata['hourglass.checkpoint']
    }),
    'expected a training checkpoint',
  ],
  [
    'another version',
    damaged((_, metadata) => {
      metadata['hourglass.checkpoint'] = '3'
    }),
    'expected checkpoint version 2 or 1, found "3"',
  ],
  [
    'a tensor missing',
    damaged((tensors) => tensors.delete('adam.v.fc3.bias')),
    'expected a tensor adam.v.fc3.bias, found none',
  ],
  [
    'a tensor of another shape',
    damaged((tensors) => tensors.set('fc1.weight', { shape: [12, 5], data: new Float32Array(60) })),
    'expected fc1.weight of shape (5, 12), found (12, 5)',
  ],
  [
    'a tensor of another type',
    damaged((tensors) => tensors.set('adam.m.fc1.bias', { shape: [5], data: new Float64Array(5) })),
    'expected adam.m.fc1.bias in float32, found Float64Array',
  ],
  [
    'sizes that the tensors do not have',
    damaged((_, metadata) =>
      editLayers(metadata, ([fc1, fc2]) => {
        fc1.outputs = 2 ** 40
        fc2.inputs = 2 ** 40
      }),
    ),
    'fc1.weight of shape (1099511627776, 12)',
  ],
  [
    'a size of zero',
    damaged((_, metadata) =>
      editLayers(metadata, ([, fc2]) => {
        fc2.outputs = 0
      }),
    ),
    'hourglass.network.layers[1].outputs: expected a whole number of at least 1, found 0',
  ],
  [
    'an unknown activation',
    damaged((_, metadata) =>
      editLayers(metadata, ([, fc2]) => {
        fc2.activation = 'gelu'
      }),
    ),
    'layers[1].activation: expected relu or tanh or sigmoid or identity or softmax, found "gelu"',
  ],
  [
    'a network that no engine computes',
    damaged((_, metadata) =>
      editLayers(metadata, ([, , , fc4]) => {
        fc4.activation = 'tanh'
      }),
    ),
    'network: activation of fc4: expected sigmoid or identity with the loss mse, found tanh',
  ],
  [
    'an identity that is none',
    damaged((_, metadata) => editJson(metadata, 'identity', (identity) => delete identity.train)),
    'identity.train: expected a string, found none',
  ],
  [
    'metadata that is no JSON',
    damaged((_, metadata) => {
      metadata.config = '{'
    }),
    'config: expected JSON, found: ',
  ],
  [
    'a setting missing',
    damaged((_, metadata) => editJson(metadata, 'config', (config) => delete config.seed)),
    'config.seed: expected a number, found none',
  ],
  [
    'a batch larger than the set',
    damaged((_, metadata) => editJson(metadata, 'config', (config) => (config.batchSize = 96))),
    'batch size: expected at most the 95 training rows, found 96',
  ],
  [
    'a learning rate below 0',
    damaged((_, metadata) =>
      editJson(metadata, 'progress', (progress) => {
        ;(progress.schedule as Record<string, unknown>).learningRate = -1
      }),
    ),
    'progress.schedule.learningRate: expected a number of at least 0, found -1',
  ],
  [
    'a note of a vast name that is no text',
    damaged((_, metadata) => editJson(metadata, 'notes', (notes) => (notes['\u001b'.repeat(1000)] = 7))),
    `notes.${'\\u001b'.repeat(80)}…: expected a string, found 7`,
  ],
  [
    'a history of another length',
    damaged((_, metadata) => editJson(metadata, 'progress', (progress) => (progress.history = []))),
    'expected a history of 2 epochs, found 0',
  ],
  [
    'a file of PyTorch',
    writeModel({ network, parameters: new Float32Array(length) }, 'a.pth'),
    'expected a training checkpoint (.checkpoint.safetensors), found a PyTorch file, which holds no run',
  ],
  [
    'a step count that does not fit',
    damaged((_, metadata) => editJson(metadata, 'progress', (progress) => (progress.adamSteps = 24))),
    'expected Adam at step 23',
  ],
  [
    'batch losses of another length',
    damaged((tensors) => tensors.set('epoch.batch_losses', { shape: [2], data: new Float64Array(2) })),
    'expected epoch.batch_losses of shape (3), found (2)',
  ],
]

for (const [fault, bytes, message] of faults) {
  test(`refuses a file with a fault: ${fault}`, () => {
    let error: unknown
    try {
      readCheckpoint(bytes, 'run.safetensors')
    } catch (caught) {
      error = caught
    }
    assert.instance(error, FileError)
    const text = (error as Error).message
    assert.ok(text.startsWith('run.safetensors: '), text)
    assert.ok(text.includes(message), text)
  })
}

test.run()
