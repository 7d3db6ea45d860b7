/**
 * The records of a sweep as they come from a file: each field that is used later is read for what it must be, and no other
 * is kept.
 */
import { JsonFields } from '../formats/json-fields.ts'
import { HIDDEN_ACTIVATIONS } from '../model/check-network.ts'
import type { ImageQuality } from './evaluation.ts'
import type { DenoisingMeasure } from './measures.ts'
import type { SweepRecord } from './sweep.ts'
import type { SweepSettings } from './sweep-plan.ts'

/**
 * One record from its line of JSON.
 *
 * @param file for errors, as is the line's number
 * @throws FileError for a line that holds no record of a sweep
 */
export function readSweepRecord(line: string, file: string, number: number): SweepRecord {
  const fields = JsonFields.parse(line, file, `line ${number}`)
  const id = fields.string('id')
  const settings = readSettings(fields.fields('settings'))
  if (fields.oneOf('status', ['done', 'failed']) === 'failed') {
    return { id, status: 'failed', settings, error: fields.string('error') }
  }
  const measures = fields.fields('measures')
  return {
    id,
    status: 'done',
    settings,
    trainLoss: fields.number('trainLoss'),
    measures: {
      reconstruction: readQuality(measures.fields('reconstruction')),
      activeUnits: measures.integer('activeUnits', 0),
      denoising: measures.list('denoising').map(readDenoising),
    },
    seconds: fields.number('seconds'),
    device: fields.string('device'),
    samples: fields.texts('samples', isBase64, 'base64'),
  }
}

function readSettings(fields: JsonFields): SweepSettings {
  return {
    bottleneck: fields.integer('bottleneck', 1),
    latentActivation: fields.oneOf('latentActivation', HIDDEN_ACTIVATIONS),
    hidden: fields.integer('hidden', 1),
    batchSize: fields.integer('batchSize', 1),
    learningRate: fields.number('learningRate'),
    weightDecay: fields.number('weightDecay'),
    noiseStd: fields.number('noiseStd'),
    epochs: fields.integer('epochs', 1),
    seed: fields.integer('seed', 0),
  }
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
