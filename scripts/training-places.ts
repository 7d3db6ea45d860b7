/** What a run of `npm run train` reads and writes: by its flags, else by the notes of its checkpoint. */
import { resolve } from 'node:path'
import { holdsIdxFiles } from '../src/data/node-files.ts'
import { FileError } from '../src/errors.ts'
import { quote } from '../src/quote.ts'
import type { RunRecord } from '../src/run/checkpoint.ts'
import type { RunFiles } from '../src/run/outputs.ts'
import { checkpointBeside, DEFAULT_FILES, fileNotes, filesOfNotes } from '../src/run/outputs.ts'
import type { Run } from '../src/run/run.ts'
import type { RunSettings, SettingName } from '../src/run/settings.ts'
import { DEFAULT_SETTINGS, networkSettingsOf, settingsOf, settingText } from '../src/run/settings.ts'
import { flagsSet } from './config-file.ts'
import { commandText } from './repeat-command.ts'
import { SETTING_FLAGS } from './setting-flags.ts'
import {
  checkNoOwnFlags,
  checkSameFlags,
  keptFlags,
  type OwnDataFlags,
  ownDataFlags,
  parseKeptFlags,
  usualFlags,
} from './training-data.ts'
import type { Flags } from './training-flags.ts'

export async function filesOf(flags: Flags, notes: Readonly<Record<string, string>>): Promise<RunFiles> {
  const isGiven = {
    weights: flags.save !== undefined,
    plot: flags.plot !== undefined,
    log: flags.log !== undefined,
    tensorboard: flags.tensorboard !== undefined,
  }
  const kept = flags.resume === undefined ? {} : await filesOfNotes(notes, flags.resume, isGiven)
  const weights = flags.save ?? kept.weights ?? DEFAULT_FILES.weights
  const log = flags.log ?? kept.log
  const tensorboard = flags.tensorboard ?? kept.tensorboard
  return {
    weights,
    plot: flags.plot ?? kept.plot ?? DEFAULT_FILES.plot,
    checkpoint:
      flags.checkpoint ?? (flags.save === undefined ? flags.resume : undefined) ?? checkpointBeside(weights),
    ...(log !== undefined && { log }),
    ...(tensorboard !== undefined && { tensorboard }),
  }
}

/** Throws FileError for a note that no run has written. */
export function limitOf({ limit }: Readonly<Record<string, string>>, file: string): number | undefined {
  if (limit === undefined) return undefined
  if (/^[1-9]\d{0,9}$/.test(limit)) return Number(limit)
  throw new FileError(file, `notes.limit: expected a whole number of at least 1, found ${quote(limit)}`)
}

export function checkLimit(flags: Flags, notes: Readonly<Record<string, string>>, file: string): void {
  const stored = notes.limit ?? 'none'
  if (flags.limit === undefined || String(flags.limit) === stored) return
  throw new FileError(file, `expected a checkpoint of --limit ${flags.limit}, found one of ${stored}`)
}

/** What a checkpoint keeps besides the run so that `--resume` alone goes on with all of it. */
export function notesOf(
  files: RunFiles,
  dataDirectory: string | undefined,
  limit: number | undefined,
): Record<string, string> {
  return {
    ...fileNotes(files),
    ...(dataDirectory === undefined ? {} : { data: resolve(dataDirectory) }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
  }
}

/**
 * The flags of data of one's own, typed or kept by a checkpoint; undefined where the data are four IDX files.
 *
 * @param stored the run of the checkpoint, if there is one
 */
export async function ownFlagsOf(
  flags: Flags,
  data: string | undefined,
  stored: Pick<RunRecord, 'notes' | 'preprocessing'> | undefined,
): Promise<OwnDataFlags | undefined> {
  if (stored) {
    const file = String(flags.resume)
    const kept = keptFlags(stored.notes, file)
    checkSameFlags(flags, kept ? { ...usualFlags(stored.preprocessing ?? {}), ...kept } : {}, file)
    return kept && { ...parseKeptFlags(kept, file), 'memory-limit': flags['memory-limit'] }
  }
  if (data !== undefined && !(await holdsIdxFiles(data))) {
    return Object.fromEntries(
      (Object.keys(ownDataFlags) as (keyof OwnDataFlags)[]).map((name) => [name, flags[name]]),
    )
  }
  checkNoOwnFlags(flags, data === undefined ? 'none' : `the IDX files of ${data}`)
  return undefined
}

interface Places {
  readonly data: string | undefined
  readonly limit: number | undefined
  readonly files: RunFiles
}

/**
 * The command line that repeats the run from its beginning: what was typed, what a config file says and, of a
 * run that goes on, what its checkpoint says where that is no default. Undefined for a network that no flags
 * make.
 */
export function commandOf(flags: Flags, run: Run, { data, limit, files }: Places): string | undefined {
  const { network, config } = run
  if (networkSettingsOf(network) === undefined) return undefined
  const set = new Map(flagsSet(flags))
  const complete = (flag: string, value: string | number | undefined, standard?: string) => {
    if (value !== undefined && !set.has(flag) && String(value) !== standard) set.set(flag, String(value))
  }
  const settings = settingsOf(network, config) as RunSettings
  for (const name of Object.keys(SETTING_FLAGS) as SettingName[]) {
    const standard = settingText(DEFAULT_SETTINGS[name])
    complete(SETTING_FLAGS[name].flag, settingText(settings[name]), standard)
  }
  if (flags.resume !== undefined) {
    complete('data', data)
    complete('limit', limit)
    complete('save', files.weights, DEFAULT_FILES.weights)
    complete('plot', files.plot, DEFAULT_FILES.plot)
    complete('checkpoint', files.checkpoint, checkpointBeside(files.weights))
    complete('log', files.log)
    complete('tensorboard', files.tensorboard)
  }
  for (const flag of ['resume', 'json']) set.delete(flag)
  return commandText('train', set)
}
