/**
 * The records of a sweep as they come from a file: each field that is used later is read for what it must be,
 * and no other is kept.
 */
import { JsonFields } from '../formats/json-fields.ts'
import type { GivenSettings, RunSettings, SettingName } from '../run/settings.ts'
import { completeSettings, DEFAULT_SETTINGS } from '../run/settings.ts'
import type { ImageQuality } from './evaluation.ts'
import type { DenoisingMeasure } from './measures.ts'
import type { SweepRecord } from './sweep.ts'
import { CORE_SETTINGS } from './sweep-plan.ts'

/**
 * One record from its line of JSON.
 *
 * @param file for errors, as is the line's number
 * @throws FileError for a line that holds no record of a sweep
 */
export function readSweepRecord(line: string, file: string, number: number): SweepRecord {
  return recordFrom(JsonFields.parse(line, file, `line ${number}`))
}

/** The record of the fields. Throws FileError where they are none. */
export function recordFrom(fields: JsonFields): SweepRecord {
  const id = fields.string('id')
  const settings = readSettings(fields.fields('settings'))
  const status = fields.oneOf('status', ['done', 'stopped', 'failed'])
  if (status === 'failed') return { id, status, settings, error: fields.string('error') }
  const trained = {
    id,
    settings,
    trainLoss: fields.number('trainLoss'),
    ...(fields.has('testLosses') && { testLosses: fields.numbers('testLosses') }),
    ...(fields.has('weights') && { weights: fields.string('weights') }),
    seconds: fields.number('seconds'),
    device: fields.string('device'),
    ...(fields.has('host') && { host: fields.string('host') }),
    status,
  }
  if (status === 'stopped') return { ...trained, status, testLosses: fields.numbers('testLosses') }
  const measures = fields.fields('measures')
  return {
    ...trained,
    status,
    measures: {
      reconstruction: readQuality(measures.fields('reconstruction')),
      activeUnits: measures.integer('activeUnits', 0),
      denoising: measures.list('denoising').map(readDenoising),
    },
    samples: fields.texts('samples', isBase64, 'base64'),
  }
}

/**
 * Settings that joined after the record was written have their defaults. Throws FileError for any that cannot
 * be.
 */
export function readSettings(fields: JsonFields): RunSettings {
  const names = Object.keys(DEFAULT_SETTINGS) as SettingName[]
  fields.only(names)
  for (const name of CORE_SETTINGS) if (!fields.has(name)) fields.fail(name, 'a value', undefined)
  const given = Object.fromEntries(
    names.flatMap((name) => (fields.has(name) ? [[name, fields.value(name)]] : [])),
  )
  return fields.within(() => completeSettings(given as GivenSettings))
}

function readQuality(fields: JsonFields): ImageQuality {
  return {
    mse: fields.number('mse'),
    psnr: fields.numberOrInfinity('psnr'),
    // Images smaller than the window of SSIM have none.
    ssim: fields.optionalNumber('ssim') ?? null,
  }
}

function readDenoising(fields: JsonFields): DenoisingMeasure {
  const noisyPsnr = fields.numberOrInfinity('noisyPsnr')
  const psnr = fields.numberOrInfinity('psnr')
  return {
    sigma: fields.number('sigma'),
    clipped: fields.boolean('clipped'),
    noisyPsnr,
    psnr,
    // JSON has no word for an infinite gain, nor for none.
    gain: fields.optionalNumber('gain') ?? psnr - noisyPsnr,
  }
}

function isBase64(text: string): boolean {
  try {
    atob(text)
    return true
  } catch {
    return false
  }
}
