/** `npm run export -- -l FILE --onnx model.onnx`: a trained model, or a half of it, for ONNX runtimes. */

import { UsageError } from '../src/errors.ts'
import { checkWritable, writeFileAtomically } from '../src/files/write.ts'
import type { StoredModel } from '../src/formats/model-file.ts'
import { ONNX_PARTS, writeOnnx } from '../src/formats/onnx.ts'
import { DEFAULT_CONTAMINATION } from '../src/model/error-quantiles.ts'
import { isAutoencoder } from '../src/model/network.ts'
import { commandLine, jsonOption, nonNegativeNumber, oneOf, path, runCommand } from './cli.ts'
import { share } from './data-flags.ts'
import { namingFlag } from './flag-names.ts'
import { loadModel, loadOption, networkOptions } from './model-option.ts'

async function main(args: string[]): Promise<undefined> {
  const flags = await commandLine('npm run export -- -l FILE --onnx model.onnx [flags]', args)
    .options({
      load: loadOption,
      ...networkOptions,
      onnx: {
        describe: 'ONNX file to write',
        demandOption: '--onnx: expected the file to write, found nothing',
        requiresArg: true,
        coerce: path('onnx'),
      },
      part: {
        describe: `what to export: ${ONNX_PARTS.join(', ')}`,
        default: 'autoencoder',
        requiresArg: true,
        coerce: oneOf('part', ONNX_PARTS),
      },
      threshold: {
        describe: 'score: error above which a row is an outlier',
        defaultDescription: 'by --contamination',
        requiresArg: true,
        coerce: nonNegativeNumber('threshold'),
      },
      contamination: {
        describe: 'score: share of the training rows that the threshold leaves above it',
        defaultDescription: String(DEFAULT_CONTAMINATION),
        requiresArg: true,
        coerce: share('contamination'),
      },
      json: jsonOption,
    })
    .parseAsync()
  if (!/\.onnx$/i.test(flags.onnx)) {
    throw new UsageError(`--onnx: expected a name that ends in .onnx, found ${flags.onnx}`)
  }
  for (const flag of ['threshold', 'contamination'] as const) {
    if (flags[flag] !== undefined && flags.part !== 'score') {
      throw new UsageError(`--${flag}: expected --part score beside it, found ${flags.part}`)
    }
  }
  if (flags.threshold !== undefined && flags.contamination !== undefined) {
    throw new UsageError('--contamination: expected none beside --threshold, found one')
  }
  await checkWritable(flags.onnx)
  const model = await loadModel(flags.load, flags)
  const { network, parameters, preprocessing } = model
  const threshold = flags.part === 'score' ? thresholdOf(flags, model) : undefined
  const { bytes, input, output, verdict } = writeOnnx(network, parameters, flags.part, {
    preprocessing,
    threshold,
  })
  await writeFileAtomically(flags.onnx, bytes)
  const outputs = verdict ? 'error and verdict (batch)' : describe(output)
  const above = threshold === undefined ? '' : `, outliers above ${threshold}`
  const raw = preprocessing?.scaling ? ', raw rows' : ''
  if (flags.json) {
    console.log(JSON.stringify({ file: flags.onnx, part: flags.part, input, output, threshold }))
    return
  }
  const part = isAutoencoder(network) ? flags.part : 'classifier'
  console.log(`${flags.onnx}: ${part}, ${describe(input)} → ${outputs}, float32${raw}${above}`)
}

function thresholdOf(
  {
    threshold,
    contamination,
    load,
  }: { threshold?: number | undefined; contamination?: number | undefined; load: string },
  { trainingErrors }: StoredModel,
): number {
  if (threshold !== undefined) return threshold
  try {
    if (trainingErrors) return trainingErrors.threshold(contamination)
  } catch (error) {
    throw namingFlag(error)
  }
  throw new UsageError(
    `--threshold: expected one, as ${load} does not keep the errors of its training rows, found none`,
  )
}

function describe({ name, size }: { name: string; size: number }): string {
  return `${name} (batch, ${size})`
}

await runCommand(main)
