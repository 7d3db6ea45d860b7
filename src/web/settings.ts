/** The settings of a run, and their life in the page's URL, so that a link repeats the run. */
import {
  checkTraining,
  completeSettings,
  HourglassError,
  OUTPUT_BIASES,
  type OutputBias,
  type RunSettings,
  SCHEDULES,
  type Schedule,
  trainingOf,
} from '../browser.ts'
import { cut, printable } from '../quote.ts'

export const DEVICE_CHOICES = ['auto', 'wasm', 'webgpu'] as const
export type DeviceChoice = (typeof DEVICE_CHOICES)[number]
export const PANELS = ['train', 'denoise', 'explore', 'compare', 'data', 'files'] as const
export type PanelName = (typeof PANELS)[number]

export interface Settings {
  /** Latent units. */
  z: number
  epochs: number
  batch: number
  /** Adam's learning rate. */
  lr: number
  /** How the rate goes on. */
  schedule: Schedule
  /** Epochs over which the rate rises. */
  warmup: number
  /** What the rate comes down to, by a schedule that does. */
  finalLr: number
  /** Biases of the latent units at the start. */
  latentBias: number
  /** Those of the outputs. */
  outputBias: OutputBias
  /** Adam's weight decay. */
  decay: number
  /** Standard deviation of the Gaussian noise added to training inputs. */
  noise: number
  threads: number
  seed: number
  device: DeviceChoice
  /** Train on the first so many images. */
  limit: number
}

export const TRAINING_IMAGES = 60_000

interface NumberRule {
  readonly label: string
  readonly min: number
  readonly max: number
  readonly whole: boolean
}

/** Settings that are no numbers, and what they may be. */
export const CHOICES = {
  schedule: SCHEDULES,
  outputBias: OUTPUT_BIASES,
  device: DEVICE_CHOICES,
} as const satisfies { readonly [Name in keyof Settings]?: readonly Settings[Name][] }

export type ChoiceSetting = keyof typeof CHOICES
export type NumberSetting = Exclude<keyof Settings, ChoiceSetting>

/** What each number may be: the same limits for the form and for the URL. */
export const RULES: Record<NumberSetting, NumberRule> = {
  z: { label: 'Latent units', min: 1, max: 128, whole: true },
  epochs: { label: 'Epochs', min: 1, max: 1000, whole: true },
  batch: { label: 'Batch size', min: 1, max: 4096, whole: true },
  lr: { label: 'Learning rate', min: 1e-7, max: 1, whole: false },
  warmup: { label: 'Warm-up', min: 0, max: 1000, whole: false },
  finalLr: { label: 'Final learning rate', min: 0, max: 1, whole: false },
  latentBias: { label: 'Latent bias', min: -100, max: 100, whole: false },
  decay: { label: 'Weight decay', min: 0, max: 1, whole: false },
  noise: { label: 'Noise σ', min: 0, max: 1, whole: false },
  threads: { label: 'Threads', min: 1, max: 64, whole: true },
  seed: { label: 'Seed', min: 0, max: 2 ** 32 - 1, whole: true },
  limit: { label: 'Training images', min: 1, max: TRAINING_IMAGES, whole: true },
}

export const NUMBER_SETTINGS = Object.keys(RULES) as NumberSetting[]
export const CHOICE_SETTINGS = Object.keys(CHOICES) as ChoiceSetting[]

export function defaultSettings(threads: number): Settings {
  return {
    z: 8,
    epochs: 10,
    batch: 256,
    lr: 0.001,
    schedule: 'plateau',
    warmup: 0,
    finalLr: 0,
    latentBias: 0.01,
    outputBias: 'constant',
    decay: 1e-5,
    noise: 0,
    threads,
    seed: 1,
    device: 'auto',
    limit: TRAINING_IMAGES,
  }
}

/** A number as people write it: 0.001, or 0,001 where the comma is the decimal sign. NaN where it is none. */
export function settingNumber(text: string): number {
  const written = text.trim()
  return written === ''
    ? Number.NaN
    : Number(/^[-+]?\d*,\d+$/.test(written) ? written.replace(',', '.') : written)
}

/** The settings as runs have them. */
export function runSettings(settings: Settings): RunSettings {
  const { z, epochs, batch, lr, schedule, warmup, finalLr, latentBias, outputBias, decay, noise, seed } =
    settings
  return completeSettings({
    bottleneck: z,
    epochs,
    batchSize: batch,
    learningRate: lr,
    schedule,
    warmup,
    finalLearningRate: finalLr,
    latentBias,
    outputBias,
    weightDecay: decay,
    noiseStd: noise,
    seed,
  })
}

/** What is wrong with settings that are each fine, in one line; undefined where nothing is. */
export function togetherProblem(settings: Settings): string | undefined {
  try {
    checkTraining(trainingOf(runSettings(settings)), settings.limit)
    return undefined
  } catch (error) {
    if (!(error instanceof HourglassError)) throw error
    return `${error.message.slice(0, 1).toUpperCase()}${error.message.slice(1)}.`
  }
}

/** What is wrong with a value of this setting, in one line; undefined where it is fine. */
export function settingProblem(name: NumberSetting, text: string): string | undefined {
  const { label, min, max, whole } = RULES[name]
  const value = settingNumber(text)
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return undefined
  const kind = whole ? 'a whole number' : 'a number'
  return `${label}: expected ${kind} from ${min} to ${max}, found ${shown(text)}.`
}

/**
 * Settings and panel from a URL's query. What cannot be used is reported, and its setting keeps its default.
 */
export function readSettings(
  query: string,
  defaults: Settings,
): { settings: Settings; panel: PanelName; problems: string[] } {
  const parameters = new URLSearchParams(query)
  const settings = { ...defaults }
  const problems: string[] = []
  for (const name of NUMBER_SETTINGS) {
    const text = parameters.get(name)
    if (text === null) continue
    const problem = settingProblem(name, text)
    if (problem) problems.push(`In the link, ${problem}`)
    else settings[name] = settingNumber(text)
  }
  for (const name of CHOICE_SETTINGS) {
    const text = parameters.get(name)?.trim()
    if (text === undefined || choose(settings, name, text)) continue
    problems.push(choiceProblem(settingLabel(name), CHOICES[name], text))
  }
  const named = parameters.get('panel')
  const panel = PANELS.find((name) => name === named)
  if (named !== null && !panel) problems.push(choiceProblem('Panel', PANELS, named))
  const known = ['panel', ...NUMBER_SETTINGS, ...CHOICE_SETTINGS]
  for (const name of known) {
    const { length } = parameters.getAll(name)
    if (length > 1)
      problems.push(`In the link, ${name}: expected one value, found ${length}; the first counts.`)
  }
  const others = new Set(
    Array.from(parameters.keys()).filter((name) => !known.includes(name) && !TRACKERS.test(name)),
  )
  if (others.size > 0) {
    const found = Array.from(others, shown)
    const listed = found.length > 4 ? [...found.slice(0, 3), `${found.length - 3} more`] : found
    problems.push(`In the link, expected settings among ${known.join(', ')}, found ${listed.join(', ')}.`)
  }
  return { settings, panel: panel ?? 'train', problems }
}

/** What other sites add to links to count visits: utm_source, fbclid, gclid. */
const TRACKERS = /^utm_|clid$/

function choiceProblem(label: string, choices: readonly string[], text: string): string {
  return `In the link, ${label}: expected ${choices.join(', ')}, found ${shown(text)}.`
}

/** A text of the link, in few words. */
function shown(text: string): string {
  return printable(cut(text.trim(), 40)) || 'nothing'
}

/** Sets a choice by its name; false where there is none of that name. */
export function choose<Name extends ChoiceSetting>(settings: Settings, name: Name, text: string): boolean {
  const choices: readonly string[] = CHOICES[name]
  const isKnown = choices.includes(text)
  if (isKnown) settings[name] = text as Settings[Name]
  return isKnown
}

/** Settings whose usual values no link needs to say. */
const LEFT_OUT: readonly (keyof Settings)[] = [
  'schedule',
  'limit',
  'warmup',
  'finalLr',
  'latentBias',
  'outputBias',
  'decay',
]

/** What belongs to the visitor's machine and not to the run. */
const MACHINE: readonly (keyof Settings)[] = ['threads', 'device']

/** Those of the machine's settings that a query names. */
export function machineSettings(query: string): (keyof Settings)[] {
  const parameters = new URLSearchParams(query)
  return MACHINE.filter((name) => parameters.has(name))
}

/**
 * The query that brings back these settings and this panel. Unknown parameters of the present query are
 * dropped, and so are threads and device, but for those in `kept`: another machine has its own.
 */
export function writeSettings(
  settings: Settings,
  panel: PanelName,
  kept: readonly (keyof Settings)[] = [],
): string {
  const parameters = new URLSearchParams({ panel })
  const usual = defaultSettings(settings.threads)
  for (const name of [...NUMBER_SETTINGS, ...CHOICE_SETTINGS]) {
    if (LEFT_OUT.includes(name) && settings[name] === usual[name]) continue
    if (MACHINE.includes(name) && !kept.includes(name)) continue
    parameters.set(name, String(settings[name]))
  }
  return `?${parameters}`
}

const CHOICE_LABELS: Readonly<Record<ChoiceSetting, string>> = {
  schedule: 'Schedule',
  outputBias: "Outputs' bias",
  device: 'Device',
}

/** What people call a setting in a sentence. */
export function settingLabel(name: keyof Settings): string {
  return name in CHOICES ? CHOICE_LABELS[name as ChoiceSetting] : RULES[name as NumberSetting].label
}
