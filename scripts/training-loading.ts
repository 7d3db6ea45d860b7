/** The data of a run of `npm run train`, and the engine that they are read into. */
import type { Dataset } from '../src/data/dataset.ts'
import { limitImages } from '../src/data/dataset.ts'
import type { RoomFor } from '../src/data/node-files.ts'
import { loadDataset } from '../src/data/node-files.ts'
import type { EngineOptions } from '../src/engines/create.ts'
import { createEngine } from '../src/engines/create.ts'
import type { Engine } from '../src/engines/engine.ts'
import { FileError, UsageError } from '../src/errors.ts'
import type { Network } from '../src/model/network.ts'
import { inputSize } from '../src/model/network.ts'
import type { Run } from '../src/run/run.ts'
import type { GivenSettings, RunSettings } from '../src/run/settings.ts'
import { completeSettings, DEFAULT_SETTINGS, networkOf } from '../src/run/settings.ts'
import { nameOfFlag } from './setting-flags.ts'
import { loadOwnData, type OwnDataFlags, type OwnRun, type RunData } from './training-data.ts'

/** Of data of one's own. */
export interface OwnKnown extends Pick<OwnRun, 'raw' | 'preprocessing' | 'scored' | 'clip'> {
  /** Settings that were proposed for them, in words; undefined where none were. */
  readonly proposal: string | undefined
}

interface Loading {
  readonly dataDirectory: string | undefined
  readonly limit: number | undefined
  readonly given: GivenSettings
  /** Where nothing is known of the data. */
  readonly settings: RunSettings
  /** That is gone on with. */
  readonly run: Run | undefined
  readonly options: EngineOptions
}

interface Loaded {
  readonly data: RunData
  readonly engine: Engine
  readonly own: OwnKnown | undefined
  /** Of a run that begins. */
  readonly settings: RunSettings
}

/** Four IDX files: those of MNIST where no directory is given. */
export async function loadImages({ dataDirectory, limit, settings, run, options }: Loading): Promise<Loaded> {
  const networkFor = (input: number) => run?.network ?? networkOf(settings, input)
  const { data: all, engine } = await loadOnEngine(dataDirectory, networkFor, options)
  try {
    const data = limit === undefined ? all : limited(all, limit)
    if (run) checkPixels(data, run)
    const { width, height } = data.train
    return { data: { ...data, picture: { width, height, channels: 1 } }, engine, own: undefined, settings }
  } catch (error) {
    await engine.dispose()
    throw error
  }
}

/** Data of one's own, for which a network is proposed. */
export async function loadOwn(loading: Loading & { readonly flags: OwnDataFlags }): Promise<Loaded> {
  const { dataDirectory, limit, given, run, options, flags } = loading
  const found = await loadOwnData({
    path: String(dataDirectory),
    flags,
    seed: run?.config.seed ?? loading.settings.seed,
    limit,
    // A sigmoid gives what lies in [0, 1].
    wantsUnit: given.loss === 'bce' || given.outputActivation === 'sigmoid',
    preprocessing: run?.preprocessing,
  })
  const { data, raw, preprocessing, isUnit, live, scored, clip } = found
  if (!run) checkUnit(found, given)
  const { proposeSettings, proposalText } = await import('../src/run/proposal.ts')
  const proposed = proposeSettings({ inputs: raw.inputs, live, rows: data.train.count, isUnit })
  const settings = completeSettings(given, {
    ...DEFAULT_SETTINGS,
    ...proposed.network,
    ...proposed.training,
  })
  const network = run?.network ?? networkOf(settings, raw.inputs)
  const proposal = run ? undefined : proposalText(network, settings, given, data.train.count, nameOfFlag)
  const { test, notes } = await judgedBy(found, network, run !== undefined)
  return {
    data: { ...data, test },
    engine: await createEngine(network, options),
    own: { raw: { ...raw, notes: [...raw.notes, ...notes] }, preprocessing, scored, clip, proposal },
    settings,
  }
}

/** Throws UsageError for rows that the outputs asked for cannot give. */
function checkUnit({ data, isUnit, preprocessing }: OwnRun, { loss, outputActivation }: GivenSettings): void {
  const asked = loss === 'bce' ? '--loss bce' : '--output-activation sigmoid'
  if (isUnit || (loss !== 'bce' && outputActivation !== 'sigmoid')) return
  const kind = preprocessing.scaling?.kind
  const found =
    kind ?? `none, and ${data.train.rows.find((value) => !(value >= 0 && value <= 1))} in the data`
  throw new UsageError(`--scale: expected minmax beside ${asked}, for values from 0 to 1, found ${found}`)
}

/**
 * The rows that judge, as the loss takes them. Throws UsageError as `checkUnit`, but not for a run that is
 * gone on with.
 */
async function judgedBy(
  { data: { test }, raw, preprocessing }: OwnRun,
  network: Network,
  isContinued: boolean,
) {
  if (test === undefined) return { test, notes: [] }
  const { isUnit, judgingRows } = await import('../src/data/own-data.ts')
  const { set, beyond } = judgingRows(test, preprocessing, network)
  const isSigmoid = network.layers[network.layers.length - 1].activation === 'sigmoid'
  if (isSigmoid && !isContinued && preprocessing.scaling?.kind !== 'minmax' && !isUnit(test.rows)) {
    const found = test.rows.find((value) => !(value >= 0 && value <= 1))
    throw new UsageError(
      `${raw.judge} rows: expected values from 0 to 1, as the training rows have (--scale minmax takes others), ` +
        `found ${found}`,
    )
  }
  const what = `${raw.judge} rows' values lie beyond the training rows': the loss bce takes them as 0 or 1`
  return { test: set, notes: beyond > 0 ? [`${beyond.toLocaleString('en')} of the ${what}`] : [] }
}

/**
 * The data, with the training images in the engine's own memory where they can be read right into it: the
 * engine is made as soon as a file's header tells the size of a row.
 */
async function loadOnEngine(
  directory: string | undefined,
  networkFor: (input: number) => Network,
  options: EngineOptions,
): Promise<{ data: Dataset; engine: Engine }> {
  let engine: Promise<Engine> | undefined
  const engineFor = (width: number, height: number) => {
    engine ??= createEngine(networkFor(width * height), options)
    return engine
  }
  const roomFor: RoomFor = async ({ count, width, height }) => {
    const made = await engineFor(width, height)
    // A checkpoint's network may be for other images: said when the data are known.
    return inputSize(made.network) === width * height
      ? made.roomFor(count)
      : new Uint8Array(count * width * height)
  }
  try {
    const data = await loadDataset(directory, roomFor)
    return { data, engine: await engineFor(data.train.width, data.train.height) }
  } catch (error) {
    await engine?.then(
      (made) => made.dispose(),
      () => undefined,
    )
    throw error
  }
}

function limited(all: Dataset, limit: number): Dataset {
  if (limit > all.train.count) {
    throw new UsageError(`--limit: expected at most the ${all.train.count} training images, found ${limit}`)
  }
  return { ...all, train: limitImages(all.train, limit) }
}

function checkPixels(data: Dataset, { network, file }: Run): void {
  const pixels = data.train.width * data.train.height
  if (inputSize(network) === pixels) return
  throw new FileError(
    String(file),
    `expected a checkpoint for images of ${pixels} pixels as in ${data.name}, found one of ${inputSize(network)}`,
  )
}
