/**
 * What is fuzzed: each reader of files from outside, the sound files to begin with, and the ways to damage
 * them.
 */
import { readFileSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { zipSync } from 'fflate'
import { parseIdxImages, parseIdxLabels, unpackIdx } from '../../src/data/idx.ts'
import { fitPreprocessing, networkData, type OwnData, ownData } from '../../src/data/own-data.ts'
import { decodeInNode } from '../../src/data/sources/node.ts'
import { pictureSize } from '../../src/data/sources/picture-size.ts'
import { readPictures } from '../../src/data/sources/pictures.ts'
import { readSource } from '../../src/data/sources/source.ts'
import type { Source, Table, Values } from '../../src/data/table.ts'
import { FileError, UsageError } from '../../src/errors.ts'
import { type ModelToStore, readModel, writeModel } from '../../src/formats/model-file.ts'
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts'
import { elementCount, type Tensor } from '../../src/formats/tensor.ts'
import { readTorch, writeTorch } from '../../src/formats/torch.ts'
import { readZipDirectory, readZipEntry } from '../../src/formats/zip.ts'
import { ErrorQuantiles } from '../../src/model/error-quantiles.ts'
import { parameterTable } from '../../src/model/network.ts'
import type { Preprocessing } from '../../src/model/preprocessing.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { stateOf } from '../../src/model/state.ts'
import type { RandomSequence } from '../../src/random/sequence.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/run/checkpoint.ts'
import { parseTrajectory } from '../../src/training/parity.ts'
import { fingerprints, smallNetwork, tensorsOf } from '../formats/small-model.ts'
import { reordered, repacked, withOtherFields } from './archives.ts'
import { damage, damageOnce } from './damage.ts'
import { damageGzip, damageIdx } from './images.ts'
import { damagePickle } from './pickles.ts'
import { damageCsv, damageCsvInGzip, damageNpy, damagePicture, sourceFixture } from './sources.ts'
import { damageHeader, damageJson, damageMetadata } from './trees.ts'

export type Mutator = (bytes: Uint8Array, random: RandomSequence) => Uint8Array

export interface Target {
  readonly name: string
  readonly seeds: readonly Uint8Array[]
  /** Each of equal weight; one may throw for a file that it cannot take apart, which then passes as it is. */
  readonly mutators: readonly Mutator[]
  readonly read: (bytes: Uint8Array) => unknown
}

/** The name of every file that a reader is given: complaints begin with it. */
const FILE = 'f'

const fixture = (name: string): Uint8Array =>
  Uint8Array.from(readFileSync(new URL(`../fixtures/interop/small/${name}`, import.meta.url)))
const text = (value: string) => new TextEncoder().encode(value)

const network = smallNetwork()
const model = { network, parameters: fingerprints(network) }
/** What a model of a table keeps beside its weights. */
const knowing = {
  ...model,
  preprocessing: {
    features: [
      { kind: 'number', name: 'a', fill: 1.5 },
      { kind: 'category', name: 'b', categories: ['p', 'q', 'r', 's'] },
    ],
    label: 'c',
    scaling: { kind: 'standard', shift: [1, 2, 3, 4, 5], factor: [1, 0, 0.5, 2, 1e-3] },
  },
  trainingErrors: ErrorQuantiles.fit(Float64Array.of(0.5, 0.25, 0.75)),
} satisfies ModelToStore
const foreign = new Map(
  [...tensorsOf(network, model.parameters)].map(([name, tensor]): [string, Tensor] => [
    name.replace(/fc(\d)/, 'module.net.$1'),
    tensor,
  ]),
)

export const checkpoint = writeCheckpoint({
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

const images = Uint8Array.from({ length: 16 + 3 * 20 }, (_, i) => (i < 16 ? 0 : (i * 37) % 256))
images.set([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5])
const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9)

const trajectory = JSON.stringify({
  network: { input: 2, hidden: 2, bottleneck: 1 },
  batch: 4,
  steps: 2,
  lr: 0.001,
  weight_decay: 0,
  betas: [0.9, 0.999],
  eps: 1e-8,
  first_index: 0,
  loss_float64: [0.25, 0.125],
  final_parameters: Object.fromEntries(
    parameterTable(hourglass({ input: 2, hidden: 2, bottleneck: 1 })).map(({ name, shape }) => [
      name,
      { shape, l2: 1, sum: 0.5, index: [0], value: [0.5], float32_relative_l2_error: 1e-7 },
    ]),
  ),
})

/** What is read must also be whole. */
function checkShapes({ tensors }: { tensors: ReadonlyMap<string, Tensor> }): void {
  for (const [name, { shape, data }] of tensors) {
    if (data.length !== elementCount(shape)) throw new Error(`${JSON.stringify(name)} has shape [${shape}]`)
  }
}

/** What is read of own data must be whole as well. */
function checkSource({ train, test }: Source): void {
  const check = (set: Table | Values) => {
    const isWhole =
      set.kind === 'values'
        ? set.rows.length % set.count === 0 && (set.labels ?? { length: set.count }).length === set.count
        : set.columns.every(({ values }) => values.length === set.count)
    if (!isWhole || set.count < 1) throw new Error(`${set.kind} of ${set.count} rows`)
  }
  check(train)
  if (test) check(test)
}

/**
 * A reader of own data, by the name that tells the format. Complaints begin with the name: `f` takes its
 * place.
 */
/** A reader of a file that is called by the name given, which complaints then begin with. */
const named =
  (name: string, read: (bytes: Uint8Array, name: string) => unknown) => async (bytes: Uint8Array) => {
    try {
      await read(bytes, name)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      throw new FileError(FILE, error.message.replace(name, ''))
    }
  }

const sourceReader = (extension: string) =>
  named(`${FILE}.${extension}`, async (bytes, name) => checkSource(await readSource(bytes, name)))

/** The rows of a table as a network sees them. */
async function learnFrom(bytes: Uint8Array, name: string): Promise<void> {
  const data = ownData(await readSource(bytes, name))
  const { train } = networkData(data, scalingOf(data, name))
  if (!train.rows.every(Number.isFinite)) throw new Error('expected finite rows, found others')
}

/** What a command says of a spread that is no number. */
function scalingOf(data: OwnData, name: string): Preprocessing {
  try {
    return fitPreprocessing(data, 'standard')
  } catch (error) {
    if (error instanceof UsageError) throw new FileError(name, error.message)
    throw error
  }
}

const damageNpyOf: Mutator = (file, random) => repacked(file, (_, data) => damageNpy(data, random))

const damagePickleOf: Mutator = (file, random) =>
  repacked(file, (name, data) => (name.endsWith('data.pkl') ? damagePickle(data, random) : data))

export const TARGETS: readonly Target[] = [
  {
    name: 'safetensors',
    seeds: [
      fixture('mixed.safetensors'),
      fixture('plain.safetensors'),
      writeSafetensors(tensorsOf(network, model.parameters), { format: 'pt' }),
    ],
    mutators: [damage, damageHeader, damageHeader],
    read: (bytes) => checkShapes(readSafetensors(bytes, FILE)),
  },
  {
    name: 'a model as .safetensors',
    seeds: [
      writeModel(model, 'm.safetensors'),
      writeModel(knowing, 'm.safetensors'),
      writeSafetensors(foreign),
    ],
    mutators: [damage, damageHeader, damageMetadata],
    read: (bytes) => readModel(bytes, FILE),
  },
  {
    name: 'a checkpoint',
    seeds: [checkpoint],
    mutators: [damage, damageHeader, damageMetadata, damageMetadata],
    read: (bytes) => readCheckpoint(bytes, FILE),
  },
  {
    name: 'a model as .pth',
    seeds: [
      writeModel(model, 'm.pth'),
      writeTorch(foreign),
      ...['plain', 'checkpoint', 'float16', 'strided', 'parameters'].map((name) => fixture(`${name}.pth`)),
    ],
    mutators: [damage, damagePickleOf, damagePickleOf, reordered, withOtherFields],
    read: (bytes) => readModel(bytes, FILE),
  },
  {
    name: 'tensors of a .pth',
    seeds: ['strided', 'checkpoint', 'parameters', 'plain'].map((name) => fixture(`${name}.pth`)),
    mutators: [damagePickleOf],
    read: (bytes) => checkShapes(readTorch(bytes, FILE)),
  },
  {
    name: 'zip',
    seeds: [
      fixture('deflated.pth'),
      zipSync({ 'a/x': Uint8Array.from({ length: 600 }, (_, i) => (i * i) % 61) }, { level: 9 }),
    ],
    mutators: [damage, withOtherFields],
    read: (bytes) => {
      for (const entry of readZipDirectory(bytes, FILE).values()) readZipEntry(bytes, entry, FILE)
    },
  },
  {
    name: 'IDX',
    seeds: [images, labels],
    mutators: [damageIdx],
    read: (bytes) => (bytes[3] === 1 ? parseIdxLabels(bytes, FILE) : parseIdxImages(bytes, FILE)),
  },
  {
    name: 'IDX in gzip',
    seeds: [images, labels],
    mutators: [damageGzip],
    read: async (bytes) => {
      const inflated = createGunzip()
      inflated.end(bytes)
      let unpacked: Uint8Array
      try {
        unpacked = await unpackIdx(inflated, FILE, bytes.length)
      } catch (error) {
        // As src/data/node-files.ts does.
        if (error instanceof FileError || !(error instanceof Error && 'code' in error)) throw error
        throw new FileError(FILE, error.message)
      }
      return unpacked[3] === 1 ? parseIdxLabels(unpacked, FILE) : parseIdxImages(unpacked, FILE)
    },
  },
  {
    name: 'NPY',
    seeds: ['array-lef4', 'array-bei8', 'array-u1', 'fortran', 'version2'].map((name) =>
      sourceFixture(`${name}.npy`),
    ),
    mutators: [damageNpy],
    read: sourceReader('npy'),
  },
  {
    name: 'NPZ',
    seeds: [sourceFixture('keras.npz'), sourceFixture('two.npz')],
    mutators: [damage, damageNpyOf, damageNpyOf, reordered, withOtherFields],
    read: sourceReader('npz'),
  },
  {
    name: 'CSV',
    seeds: ['table.csv', 'headless.csv', 'comma.csv', 'utf16.csv'].map(sourceFixture),
    mutators: [damageCsv],
    read: sourceReader('csv'),
  },
  {
    name: 'CSV in gzip',
    seeds: ['table.csv', 'headless.csv'].map(sourceFixture),
    mutators: [damageCsvInGzip],
    read: sourceReader('csv.gz'),
  },
  {
    name: 'Parquet',
    seeds: ['table.parquet', 'plain.parquet', 'pages2.parquet'].map(sourceFixture),
    mutators: [damage, damageOnce],
    read: sourceReader('parquet'),
  },
  {
    name: 'size of a picture',
    seeds: ['pictures/a/one.png', 'formats/jpeg/photo.jpg', 'formats/webp/photo.webp'].map(sourceFixture),
    mutators: [damagePicture],
    read: (bytes) => {
      const size = pictureSize(bytes)
      if (!size) throw new FileError(FILE, 'expected a picture, found something else')
    },
  },
  {
    name: 'a picture',
    seeds: ['pictures/a/one.png', 'formats/jpeg/photo.jpg', 'formats/webp/photo.webp'].map(sourceFixture),
    mutators: [damagePicture],
    read: named(`${FILE}/a.png`, (bytes) =>
      readPictures([{ path: 'a.png', read: async () => bytes }], FILE, decodeInNode),
    ),
  },
  {
    name: 'a table to learn from',
    seeds: ['table.csv', 'headless.csv', 'comma.csv'].map(sourceFixture),
    mutators: [damageCsv],
    read: named(`${FILE}.csv`, learnFrom),
  },
  {
    name: 'a trajectory in JSON',
    seeds: [text(trajectory)],
    mutators: [damage, (bytes, random) => text(damageJson(new TextDecoder().decode(bytes), random))],
    read: (bytes) => parseTrajectory(new TextDecoder().decode(bytes), FILE),
  },
]

/** A damaged copy of one of the files. */
export function mutated(target: Target, seeds: readonly Uint8Array[], random: RandomSequence): Uint8Array {
  const seed = seeds[random.below(seeds.length)]
  const mutator = target.mutators[random.below(target.mutators.length)]
  try {
    return mutator(seed, random)
  } catch {
    // A file that was kept because it is odd need not have the parts that the mutator looks for.
    return damage(seed, random)
  }
}

/**
 * Reads a file. Returns `read`, or what of the complaint tells one check from another: no names, numbers,
 * findings. Throws for anything else than a FileError of one short line.
 */
export async function judge(target: Target, bytes: Uint8Array): Promise<string> {
  try {
    await target.read(bytes)
    return 'read'
  } catch (error) {
    if (!(error instanceof FileError)) {
      throw new Error(`expected a FileError, found ${error instanceof Error ? error.stack : error}`)
    }
    const { message } = error
    if (!message.startsWith(`${FILE}: `) || message.length > 1000 || /\p{Cc}/u.test(message)) {
      throw new Error(`expected one short line that names the file, found ${JSON.stringify(message)}`)
    }
    return message.replace(/found.*/, 'found …').replaceAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.e+]*/g, '#')
  }
}
