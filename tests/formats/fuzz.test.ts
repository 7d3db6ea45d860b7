/**
 * Damaged files of every format, 29,500 in all, from a seed: reading one either works or throws a FileError. Every kind
 * of damage has a count of its own, and both outcomes must occur where both can: a fuzz that damages nothing, or whose
 * cases all fail at the same first check, would pass too.
 *
 *   node tests/formats/fuzz.test.ts [seed]
 */
import { readFileSync } from 'node:fs'
import { zipSync } from 'fflate'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FileError } from '../../src/errors.ts'
import { readModel, writeModel } from '../../src/formats/model-file.ts'
import { readSafetensors } from '../../src/formats/safetensors.ts'
import { elementCount, type Tensor } from '../../src/formats/tensor.ts'
import { readTorch } from '../../src/formats/torch.ts'
import { readZipDirectory, readZipEntry, writeStoredZip, type ZipEntry } from '../../src/formats/zip.ts'
import { stateOf } from '../../src/model/state.ts'
import { createRandomSequence, type RandomSequence } from '../../src/random/sequence.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/run/checkpoint.ts'
import { fingerprints, smallNetwork } from './small-model.ts'

const seed = Number(process.argv[2] ?? 1)

const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../fixtures/interop/small/${name}`, import.meta.url))
const network = smallNetwork()
const model = { network, parameters: fingerprints(network) }
const checkpoint = writeCheckpoint({
  network,
  config: { seed: 1, epochs: 3, batchSize: 2, learningRate: 1e-3, weightDecay: 1e-5, noiseStd: 0.1 },
  trainingRows: 5,
  identity: { train: 'a', test: 'b', bits: 'wasm, plain', computation: '1' },
  progress: {
    epoch: 1,
    batchLosses: Float64Array.of(0.25, 0.125),
    schedule: { learningRate: 1e-3, best: 0.5, badEpochs: 0, cooldownLeft: 0 },
    history: [
      { epoch: 1, trainLoss: 0.5, testLoss: 0.5, learningRate: 1e-3, seconds: 1, imagesPerSecond: 5 },
    ],
  },
  state: { ...stateOf(model.parameters), steps: 5 },
  notes: { data: 'none' },
})

/**
 * A deflated storage may grow eightfold, as may views of it; float16 doubles, and decoding copies. Collected garbage
 * makes the count too low now and then, never too high. The constant is for fflate's tables: up to 64 KiB a block of a
 * stream, garbage after it.
 */
const MOST_ALLOCATED_PER_FILE_BYTE = 40
const MOST_ALLOCATED_BESIDES = 1 << 20

/** Values at which sizes, counts and signs go wrong. */
const TELLING_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x22, 0x7b, 0x7d, 0x2c, 0x39]

/** One to eight edits: a byte replaced, a bit flipped, a run filled, a piece copied elsewhere, the end cut off. */
function damage(bytes: Uint8Array, random: RandomSequence): Uint8Array {
  const damaged = Uint8Array.from(bytes)
  const edits = 1 + random.below(8)
  for (let edit = 0; edit < edits; edit++) {
    const at = random.below(damaged.length)
    switch (random.below(5)) {
      case 0:
        damaged[at] = random.below(256)
        break
      case 1:
        damaged[at] ^= 1 << random.below(8)
        break
      case 2:
        damaged[at] = TELLING_BYTES[random.below(TELLING_BYTES.length)]
        break
      case 3:
        damaged.fill(TELLING_BYTES[random.below(TELLING_BYTES.length)], at, at + 1 + random.below(8))
        break
      default:
        damaged.copyWithin(at, random.below(damaged.length), random.below(damaged.length))
    }
  }
  return random.below(16) === 0 ? damaged.subarray(0, random.below(damaged.length)) : damaged
}

interface Outcomes {
  read: number
  refused: Map<string, number>
}

/** Reads `cases` files that `make` damaged; fails for any error but a FileError of one short line. */
function fuzz(
  cases: number,
  use: number,
  make: (random: RandomSequence) => Uint8Array,
  read: (bytes: Uint8Array) => unknown,
): Outcomes {
  const outcomes: Outcomes = { read: 0, refused: new Map() }
  for (let i = 0; i < cases; i++) {
    const bytes = make(createRandomSequence(seed, use * 1_000_000 + i))
    const replay = `case ${i} of seed ${seed}`
    const { arrayBuffers } = process.memoryUsage()
    try {
      read(bytes)
      outcomes.read++
    } catch (error) {
      if (!(error instanceof FileError)) {
        throw new Error(
          `${replay}: expected a FileError, found ${error instanceof Error ? error.stack : error}`,
        )
      }
      assert.ok(error.message.startsWith('f: '), `${replay}: ${error.message}`)
      assert.ok(error.message.length < 1000 && !/[\n\r]/.test(error.message), `${replay}: ${error.message}`)
      // Numbers and names aside, how many different checks spoke?
      const kind = error.message.replaceAll(/"[^"]*"|\d+/g, '#')
      outcomes.refused.set(kind, (outcomes.refused.get(kind) ?? 0) + 1)
    }
    const allocated = process.memoryUsage().arrayBuffers - arrayBuffers
    assert.ok(
      allocated <= MOST_ALLOCATED_BESIDES + MOST_ALLOCATED_PER_FILE_BYTE * bytes.length,
      `${replay}: ${allocated} bytes allocated`,
    )
  }
  return outcomes
}

const refusals = ({ refused }: Outcomes) => [...refused.values()].reduce((sum, count) => sum + count, 0)

/** What is read must also be whole. */
function checkShapes({ tensors }: { tensors: ReadonlyMap<string, Tensor> }): void {
  for (const [name, { shape, data }] of tensors) {
    assert.is(data.length, elementCount(shape), `elements of ${JSON.stringify(name)}, of shape [${shape}]`)
  }
}

/** The files whose bytes are damaged anywhere, with the least number of different complaints to see. */
const WHOLE_FILES: [
  name: string,
  bytes: Uint8Array,
  read: (bytes: Uint8Array) => unknown,
  complaints: number,
][] = [
  ['our .safetensors', writeModel(model, 'm.safetensors'), (bytes) => readModel(bytes, 'f'), 12],
  [
    'a .safetensors of other dtypes',
    fixture('mixed.safetensors'),
    (bytes) => readSafetensors(bytes, 'f'),
    12,
  ],
  ['our checkpoint', checkpoint, (bytes) => readCheckpoint(bytes, 'f'), 12],
  ['our .pth', writeModel(model, 'm.pth'), (bytes) => readModel(bytes, 'f'), 12],
  ["PyTorch's .pth", fixture('plain.pth'), (bytes) => readModel(bytes, 'f'), 12],
  ['a deflated .pth', fixture('deflated.pth'), (bytes) => readModel(bytes, 'f'), 12],
  ['a checkpoint of PyTorch', fixture('checkpoint.pth'), (bytes) => readModel(bytes, 'f'), 12],
]

for (const [index, [name, bytes, read, complaints]] of WHOLE_FILES.entries()) {
  test(`${name}: 3,000 damaged copies are read or refused`, () => {
    const outcomes = fuzz(3000, index, (random) => damage(bytes, random), read)
    assert.ok(refusals(outcomes) > 1000, `only ${refusals(outcomes)} were refused`)
    assert.ok(outcomes.refused.size >= complaints, `only ${[...outcomes.refused.keys()].join('\n')}`)
  })
}

/** The same archive with other content: its CRCs are right, so that the damage reaches what lies behind them. */
function repacked(file: Uint8Array, change: (name: string, data: Uint8Array) => Uint8Array): Uint8Array {
  const entries = [...readZipDirectory(file, 'f')].map(([name, entry]): [string, Uint8Array] => [
    name,
    change(name, readZipEntry(file, entry, 'f')),
  ])
  return writeStoredZip(new Map(entries), 64)
}

for (const [index, name] of ['plain.pth', 'strided.pth', 'checkpoint.pth'].entries()) {
  test(`${name}: 2,500 damaged pickles under a right CRC are read or refused`, () => {
    const file = fixture(name)
    const outcomes = fuzz(
      2500,
      10 + index,
      (random) => repacked(file, (name, data) => (name.endsWith('data.pkl') ? damage(data, random) : data)),
      (bytes) => checkShapes(readTorch(bytes, 'f')),
    )
    assert.ok(outcomes.read > 10, `only ${outcomes.read} were read`)
    assert.ok(refusals(outcomes) > 1000, `only ${refusals(outcomes)} were refused`)
    assert.ok(outcomes.refused.size >= 20, `only ${[...outcomes.refused.keys()].join('\n')}`)
  })
}

test('1,000 damaged deflate streams are read or refused', () => {
  const name = 'x'
  const zip = zipSync({ [name]: Uint8Array.from({ length: 600 }, (_, i) => (i * i) % 61) }, { level: 9 })
  const { dataOffset, compressedBytes } = readZipDirectory(zip, 'f').get(name) as ZipEntry
  const make = (random: RandomSequence) => {
    const copy = Uint8Array.from(zip)
    copy.set(damage(zip.subarray(dataOffset, dataOffset + compressedBytes), random), dataOffset)
    return copy
  }
  const outcomes = fuzz(1000, 20, make, (bytes) => {
    for (const entry of readZipDirectory(bytes, 'f').values()) readZipEntry(bytes, entry, 'f')
  })
  assert.ok(refusals(outcomes) > 800, `only ${refusals(outcomes)} were refused`)
  assert.ok(outcomes.refused.size >= 3, `only ${[...outcomes.refused.keys()].join('\n')}`)
})

test.run()
