/** The records of a sweep in a file of JSON lines, to which each run adds one as it finishes. */
import { appendFile, readFile } from 'node:fs/promises'
import { checkWritable, writeFileAtomically } from '../src/data/node-files.ts'
import { FileError } from '../src/errors.ts'
import type { ImageQuality } from '../src/experiments/evaluation.ts'
import type { DenoisingMeasure } from '../src/experiments/measures.ts'
import type { SweepRecord, SweepStore } from '../src/experiments/sweep.ts'
import type { SweepSettings } from '../src/experiments/sweep-plan.ts'
import { JsonFields } from '../src/formats/json-fields.ts'

/**
 * The store of `path`, which need not exist yet. A last line that was cut off by a crash is dropped: its run is done
 * again. Throws a FileError for any other line that is no record of a sweep, and where the file cannot be written.
 */
export async function openSweepStore(path: string): Promise<SweepStore> {
  await checkWritable(path)
  const text = await readExisting(path)
  const end = text.lastIndexOf('\n') + 1
  const whole = text.slice(0, end)
  if (end < text.length) await writeFileAtomically(path, whole)
  const records = whole
    .split('\n')
    .slice(0, -1)
    .map((line, index) => parseRecord(line, path, index + 1))

  let writing = Promise.resolve()
  return {
    records,
    append(record) {
      // One after the other: two appends at once could interleave.
      const written = writing.then(() => appendFile(path, `${JSON.stringify(record)}\n`))
      writing = written.catch(() => undefined)
      return written.catch((cause: unknown) => {
        throw new FileError(path, `cannot be written: ${cause instanceof Error ? cause.message : cause}`, {
          cause,
        })
      })
    },
  }
}

async function readExisting(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new FileError(path, `cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

function parseRecord(line: string, path: string, number: number): SweepRecord {
  const fields = JsonFields.parse(line, path, `line ${number}`)
  const id = fields.string('id')
  const settings = parseSettings(fields.fields('settings'))
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
      reconstruction: parseQuality(measures.fields('reconstruction')),
      activeUnits: measures.integer('activeUnits', 0),
      denoising: measures.list('denoising').map(parseDenoising),
    },
    seconds: fields.number('seconds'),
    device: fields.string('device'),
    samples: fields.texts('samples', isBase64, 'base64'),
  }
}

function parseSettings(fields: JsonFields): SweepSettings {
  return {
    bottleneck: fields.integer('bottleneck', 1),
    latentActivation: fields.oneOf('latentActivation', ['relu', 'tanh', 'sigmoid', 'identity']),
    hidden: fields.integer('hidden', 1),
    batchSize: fields.integer('batchSize', 1),
    learningRate: fields.number('learningRate'),
    weightDecay: fields.number('weightDecay'),
    noiseStd: fields.number('noiseStd'),
    epochs: fields.integer('epochs', 1),
    seed: fields.integer('seed', 0),
  }
}

function parseQuality(fields: JsonFields): ImageQuality {
  return {
    mse: fields.number('mse'),
    psnr: fields.numberOrInfinity('psnr'),
    ssim: fields.optionalNumber('ssim') ?? null,
  }
}

function parseDenoising(fields: JsonFields): DenoisingMeasure {
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
