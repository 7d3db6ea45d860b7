/**
 * What decides the bits of a run besides its network and settings. Two runs of one network, one set of
 * settings and one identity have the same weights after the same steps.
 */

import { digestRows } from '../data/digest.ts'
import type { JsonFields } from '../formats/json-fields.ts'
import type { TrainingData } from '../training/trainer.ts'
import { COMPUTATION } from './computation.ts'

export interface RunIdentity {
  /** Digest of the training rows and labels. */
  readonly train: string
  /** Of the test rows and labels; `none` where there are none. */
  readonly test: string
  /** `EngineInfo.bits`: what computes, as far as results depend on it. */
  readonly bits: string
  /** Version of the computing code. */
  readonly computation: string
}

/**
 * Undefined where digests cannot be had: a page that is no secure one. Reads the data before it first awaits.
 */
export async function identityOf(data: TrainingData, bits: string): Promise<RunIdentity | undefined> {
  const [train, test] = await Promise.all([digestRows(data.train), data.test && digestRows(data.test)])
  if (train === undefined || (data.test && test === undefined)) return undefined
  return { train, test: test ?? 'none', bits, computation: COMPUTATION }
}

/** From a file. Throws FileError. */
export function readIdentity(fields: JsonFields): RunIdentity {
  return {
    train: fields.string('train'),
    test: fields.string('test'),
    bits: fields.string('bits'),
    computation: fields.string('computation'),
  }
}

const WHAT: Readonly<Record<keyof RunIdentity, string>> = {
  train: 'training data of SHA-256',
  test: 'test data of SHA-256',
  bits: 'arithmetic',
  computation: 'version of the computing code',
}

/** The first difference, in words that go after `expected`/`found`; undefined where there is none. */
export function differenceOf(
  stored: RunIdentity,
  now: RunIdentity,
):
  | { readonly key: keyof RunIdentity; readonly what: string; readonly stored: string; readonly now: string }
  | undefined {
  for (const key of Object.keys(WHAT) as (keyof RunIdentity)[]) {
    if (stored[key] !== now[key]) {
      const short = (text: string) => (/^[0-9a-f]{64}$/.test(text) ? `${text.slice(0, 12)}…` : text)
      return { key, what: WHAT[key], stored: short(stored[key]), now: short(now[key]) }
    }
  }
  return undefined
}
