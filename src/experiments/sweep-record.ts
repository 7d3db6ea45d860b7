/**
 * The records of a sweep as they come from a file: every field that is used later is seen to be there, and of
 * its kind.
 */
import { JsonFields } from '../formats/json-fields.ts'
import { HIDDEN_ACTIVATIONS } from '../model/check-network.ts'
import type { SweepRecord } from './sweep.ts'
import { SETTING_NAMES } from './sweep-plan.ts'

/**
 * One record from its line of JSON.
 *
 * @param file for errors, as is the line's number
 * @throws FileError for a line that holds no record of a sweep
 */
export function readSweepRecord(line: string, file: string, number: number): SweepRecord {
  const record = JsonFields.parse(line, file, `line ${number}`)
  record.string('id')
  const settings = record.fields('settings')
  for (const name of SETTING_NAMES) {
    if (name === 'latentActivation') settings.oneOf(name, HIDDEN_ACTIVATIONS)
    else settings.number(name)
  }
  if (record.oneOf('status', ['done', 'failed']) === 'failed') record.string('error')
  else checkResult(record)
  return JSON.parse(line) as SweepRecord
}

function checkResult(record: JsonFields): void {
  record.number('trainLoss')
  record.number('seconds')
  record.string('device')
  for (const sample of record.words('samples')) {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(sample)) record.fail('samples', 'base64', sample)
  }
  const measures = record.fields('measures')
  measures.integer('activeUnits', 0)
  const reconstruction = measures.fields('reconstruction')
  for (const name of ['mse', 'psnr']) reconstruction.number(name)
  // Images smaller than the window of SSIM have none.
  reconstruction.numberOrNull('ssim')
  for (const level of measures.list('denoising')) {
    for (const name of ['sigma', 'noisyPsnr', 'psnr', 'gain']) level.number(name)
    level.boolean('clipped')
  }
}
