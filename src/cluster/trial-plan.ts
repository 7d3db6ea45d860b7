/**
 * A sweep as a file: what it trains on and is judged by, and its trials by name. Whoever has the same data
 * can train any of them, anywhere, in any order. Runs in a browser.
 *
 * JSON, version 1: `format`, `version`, `data` (`SweepData`) and `trials`, each with its `name` and all its
 * `settings`. The name is the digest of settings and data (src/run/trial-name.ts), so that a plan that was
 * changed by hand is found out.
 */

import type { SweepRecord } from '../experiments/sweep.ts'
import type { SweepData, SweepRun } from '../experiments/sweep-plan.ts'
import { sweepRun } from '../experiments/sweep-plan.ts'
import { readSettings, recordFrom } from '../experiments/sweep-record.ts'
import { JsonFields } from '../formats/json-fields.ts'
import { readIdentity } from '../run/identity.ts'

export interface TrialPlan {
  readonly data: SweepData
  /** At least one, each of another name. */
  readonly runs: readonly SweepRun[]
}

const FORMAT = 'hourglass-plan'
const VERSION = 1

/** The file's text, a trial a line. */
export function writePlan({ data, runs }: TrialPlan): string {
  const head = JSON.stringify({ format: FORMAT, version: VERSION, data }, undefined, 2)
  const trials = runs.map(({ id, settings }) => `    ${JSON.stringify({ name: id, settings })}`)
  return `${head.slice(0, -2)},\n  "trials": [\n${trials.join(',\n')}\n  ]\n}\n`
}

/** @throws FileError for what is no plan, or was changed */
export async function readPlan(text: string, file: string): Promise<TrialPlan> {
  const fields = JsonFields.parse(text, file)
  fields.constant('format', FORMAT)
  fields.constant('version', VERSION)
  fields.only(['format', 'version', 'data', 'trials'])
  const data = readSweepData(fields.fields('data'))
  const runs: SweepRun[] = []
  const names = new Set<string>()
  for (const trial of fields.list('trials')) {
    const run = await readTrial(trial, data)
    if (names.has(run.id)) trial.fail('name', 'a trial that is not there twice', run.id)
    names.add(run.id)
    runs.push(run)
  }
  if (runs.length === 0) fields.fail('trials', 'at least one trial', undefined)
  return { data, runs }
}

/** What a sweep is trained on and judged by. Throws FileError. */
export function readSweepData(fields: JsonFields): SweepData {
  fields.only(['name', 'pixels', 'trainingImages', 'testImages', 'sigmas', 'identity'])
  const sigmas = fields.numbers('sigmas')
  if (!sigmas.every((sigma) => sigma > 0 && Number.isFinite(sigma))) {
    fields.fail('sigmas', 'numbers greater than 0', sigmas)
  }
  return {
    name: fields.string('name'),
    pixels: fields.integer('pixels', 1),
    trainingImages: fields.integer('trainingImages', 1),
    testImages: fields.integer('testImages', 1),
    sigmas,
    identity: readIdentity(fields.fields('identity')),
  }
}

/** A trial under the name that its settings and data give it. Rejects with a FileError for another name. */
export async function readTrial(fields: JsonFields, data: SweepData): Promise<SweepRun> {
  fields.only(['name', 'settings'])
  const settings = readSettings(fields.fields('settings'))
  const run = await fields.withinAsync(() => sweepRun(settings, data))
  if (fields.string('name') !== run.id) {
    fields.fail('name', `${run.id}, as its settings and data give`, fields.string('name'))
  }
  return run
}

/** A record that another process made of the run. Throws FileError for one of another run. */
export function readRecordOf(run: SweepRun, fields: JsonFields): SweepRecord {
  const record = recordFrom(fields)
  if (record.id !== run.id) fields.fail('id', run.id, record.id)
  return { ...record, settings: run.settings }
}
