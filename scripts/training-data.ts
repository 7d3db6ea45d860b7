/** Data of one's own for `npm run train`: from the flags, or what a checkpoint keeps of them, to rows. */
import { resolve } from 'node:path'
import type { OwnData } from '../src/data/own-data.ts'
import type { RowSet } from '../src/data/rows.ts'
import { FileError, UsageError } from '../src/errors.ts'
import { JsonFields } from '../src/formats/json-fields.ts'
import { type PictureShape, type Preprocessing, usualClip } from '../src/model/preprocessing.ts'
import { quote } from '../src/quote.ts'
import type { TrainingData } from '../src/training/trainer.ts'
import { featureFlags, sourceFlags, sourceOptions } from './data-flags.ts'
import { namingFlag } from './flag-names.ts'

/** What a run trains on, as its network sees it. */
export interface RunData extends TrainingData {
  readonly name: string
  /** What a row is drawn as, where it is a picture. */
  readonly picture: PictureShape | undefined
}

/** Data of one's own in a run. */
export interface OwnRun {
  readonly data: RunData
  /** The training rows in full, whose errors the model keeps: those of `data` may be clipped. */
  readonly scored: RowSet
  /** Deviations beyond which values are clipped; 0 for none. */
  readonly clip: number
  /** Inputs that are not constant. */
  readonly live: number
  readonly raw: OwnData
  readonly preprocessing: Preprocessing
  /** Whether what the network sees lies in [0, 1], by its nature and not by chance. */
  readonly isUnit: boolean
}

/** Flags that a run keeps: what it learns from. The limit of memory may be another the next time. */
const { 'memory-limit': memoryLimit, ...keptSourceFlags } = sourceFlags
const KEPT_FLAGS = { ...keptSourceFlags, ...featureFlags }
type KeptFlag = keyof typeof KEPT_FLAGS
const KEPT = Object.keys(KEPT_FLAGS) as KeptFlag[]

export const ownDataFlags = { ...featureFlags, ...keptSourceFlags, 'memory-limit': memoryLimit } as const

type Coerced<Flag> = Flag extends { readonly coerce: (value: string) => infer Value } ? Value : boolean
export type OwnDataFlags = {
  readonly [Flag in keyof typeof ownDataFlags]?: Coerced<(typeof ownDataFlags)[Flag]> | undefined
}

/** Note of a checkpoint that tells its data are of one's own: the flags as they are typed, in JSON. */
const OWN_NOTE = 'own'

/** Throws UsageError for a flag that data of four IDX files have no use for. */
export function checkNoOwnFlags(flags: OwnDataFlags, data: string): void {
  const names = Object.keys(ownDataFlags) as (keyof OwnDataFlags)[]
  const given = names.find((name) => flags[name] !== undefined)
  if (given === undefined) return
  throw new UsageError(`--${given}: expected --data of your own (a table, an array, pictures), found ${data}`)
}

/** What a checkpoint keeps of the flags; undefined where its data are four IDX files. Throws FileError. */
export function keptFlags(
  notes: Readonly<Record<string, string>>,
  file: string,
): Record<string, string> | undefined {
  return OWN_NOTE in notes
    ? JsonFields.parse(notes[OWN_NOTE], file, `notes.${OWN_NOTE}`).strings()
    : undefined
}

/**
 * The flags as they were typed, or as a checkpoint keeps them; those that a run keeps, with paths that do not
 * depend on where the command is called.
 */
export function flagTexts(flags: OwnDataFlags): Record<string, string> {
  const given = KEPT.filter((name) => flags[name] !== undefined)
  return Object.fromEntries(given.map((name) => [name, flagText(name, flags)]))
}

function flagText(name: KeptFlag, flags: OwnDataFlags): string {
  const value = flags[name]
  if (name === 'test') return resolve(String(value))
  if (Array.isArray(value)) {
    const asListed = (text: string) => (/[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
    return value.map(asListed).join()
  }
  if (typeof value === 'object') {
    const { width, height } = value as { width: number; height: number }
    return `${width}x${height}`
  }
  return String(value)
}

/** What flags are that the run of a checkpoint was not given, as far as its model tells. */
export function usualFlags(preprocessing: Preprocessing): Record<string, string> {
  const scale = preprocessing.scaling?.kind ?? 'none'
  const clip = scale === 'standard' && { clip: String(usualClip(preprocessing)) }
  return { scale, ...clip, missing: 'mean' }
}

/** Throws FileError where a flag was typed that the checkpoint's run did not have so. */
export function checkSameFlags(
  flags: OwnDataFlags,
  had: Readonly<Record<string, string>>,
  file: string,
): void {
  for (const [name, text] of Object.entries(flagTexts(flags))) {
    if (had[name] === text) continue
    const found = had[name] === undefined ? 'none' : quote(had[name])
    throw new FileError(file, `expected a checkpoint of --${name} ${quote(text)}, found one of ${found}`)
  }
}

/** The flags again of what a checkpoint keeps. Throws FileError for what no run has written. */
export function parseKeptFlags(kept: Readonly<Record<string, string>>, file: string): OwnDataFlags {
  const flags: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(kept)) {
    const flag = KEPT.find((known) => known === name)
    if (flag === undefined) {
      throw new FileError(file, `notes.${OWN_NOTE}: expected flags of data, found ${quote(name)}`)
    }
    const option: { readonly describe: string; readonly coerce?: (value: string) => unknown } =
      KEPT_FLAGS[flag]
    try {
      flags[name] = option.coerce ? option.coerce(text) : text === 'true'
    } catch (cause) {
      if (!(cause instanceof UsageError)) throw cause
      throw new FileError(file, `notes.${OWN_NOTE}: ${cause.message}`, { cause })
    }
  }
  return flags
}

/** The note of a checkpoint that brings its run to its data again. */
export function ownNote(texts: Readonly<Record<string, string>>): Record<string, string> {
  return { [OWN_NOTE]: JSON.stringify(texts) }
}

export interface Wanted {
  readonly path: string
  readonly flags: OwnDataFlags
  readonly seed: number
  readonly limit: number | undefined
  /** Whether values are wanted in [0, 1], for the outputs that were asked for. */
  readonly wantsUnit: boolean
  /** Of the run that is gone on with. */
  readonly preprocessing: Preprocessing | undefined
}

const NOTHING_VARIES = 'All columns are constant over the training rows: there is nothing to learn from them'

/**
 * Reads the data and makes them what the network sees.
 *
 * @throws FileError for data that cannot be read or used; UsageError for flags that do not fit them
 */
export async function loadOwnData(wanted: Wanted): Promise<OwnRun> {
  const { path, flags, seed, limit, wantsUnit, preprocessing } = wanted
  const [{ loadSource }, own] = await Promise.all([
    import('../src/data/sources/node.ts'),
    import('../src/data/own-data.ts'),
  ])
  const reading = sourceOptions(flags)
  const source = await loadSource(path, reading)
  const test = flags.test === undefined ? undefined : await loadSource(flags.test, reading)
  const options = {
    columns: flags.columns,
    exclude: flags.exclude,
    label: flags.label,
    oneHot: flags['one-hot'],
    missing: flags.missing,
    validation: flags.validation,
    seed,
    limit,
  }
  return asFlags(() => {
    const raw = own.ownData(source, options, test, preprocessing)
    const usual = wantsUnit && raw.usualScaling === 'standard' ? 'minmax' : raw.usualScaling
    const fitted = preprocessing ?? own.fitPreprocessing(raw, flags.scale ?? usual)
    const clip = own.chosenClip(fitted, flags.clip)
    const live = own.liveInputs(fitted, raw.inputs)
    const whole = own.networkData(raw, fitted)
    return {
      data: { ...own.clipped(whole, clip), name: source.train.file, picture: raw.picture },
      scored: whole.train,
      clip,
      live,
      raw: live > 0 ? raw : { ...raw, notes: [...raw.notes, NOTHING_VARIES] },
      preprocessing: fitted,
      isUnit: fitted.scaling?.kind !== 'standard' && own.isUnit(whole.train.rows),
    }
  })
}

/** Complaints of `work` name flags in place of the library's options. */
function asFlags<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw namingFlag(error)
  }
}
