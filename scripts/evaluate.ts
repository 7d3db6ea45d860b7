/** `npm run evaluate -- -l FILE`: what a trained model is worth, as a table, as JSON and as three figures. */

import { basename, join } from 'node:path'
import type { ImageSet } from '../src/data/dataset.ts'
import { loadDataset, readFileBytes } from '../src/data/node-files.ts'
import { createEngine } from '../src/engines/create.ts'
import { FileError, UsageError } from '../src/errors.ts'
import {
  type DenoisingQuality,
  type Evaluation,
  evaluate,
  type ImageQuality,
} from '../src/experiments/evaluation.ts'
import { drawEvaluationFigures } from '../src/experiments/evaluation-figures.ts'
import { checkWritable, makeDirectory, writeFileAtomically } from '../src/files/write.ts'
import { readModel } from '../src/formats/model-file.ts'
import type { Network } from '../src/model/network.ts'
import { codeSize, describeSizes, inputSize, isAutoencoder, parameterCount } from '../src/model/network.ts'
import { stateOf } from '../src/model/state.ts'
import { networkSettingsOf } from '../src/run/settings.ts'
import {
  commandLine,
  dataOption,
  engineOptions,
  jsonOption,
  nonNegativeNumber,
  oneOf,
  path,
  runCommand,
  seedOption,
  wholeNumber,
} from './cli.ts'

/** More would be a film, not a figure. */
const MAX_STEPS = 200

const imageIndex = (flag: string, describe: string, index: number) =>
  ({ describe, default: index, requiresArg: true, coerce: wholeNumber(flag, 0) }) as const

async function parseFlags(args: string[]) {
  return await commandLine('npm run evaluate -- -l FILE [flags]', args)
    .options({
      load: {
        alias: 'l',
        describe: 'trained model, .pth or .safetensors',
        demandOption: '--load: expected the file of a trained model, found nothing',
        requiresArg: true,
        coerce: path('load'),
      },
      bottleneck: {
        alias: 'z',
        describe: 'latent units that the file must have',
        defaultDescription: 'as in the file',
        requiresArg: true,
        coerce: wholeNumber('bottleneck', 1),
      },
      'clean-idx': imageIndex('clean_idx', 'image to reconstruct', 0),
      'denoise-idx': imageIndex('denoise_idx', 'image to add noise to', 0),
      'noise-std': {
        describe: 'standard deviation of the Gaussian noise; black is 0, white 1',
        default: 0.2,
        requiresArg: true,
        coerce: nonNegativeNumber('noise_std'),
      },
      'interp-idx1': imageIndex('interp_idx1', 'image A of the interpolation', 12),
      'interp-idx2': imageIndex('interp_idx2', 'image B of the interpolation', 3456),
      steps: {
        describe: 'codes decoded from A to B',
        default: 8,
        requiresArg: true,
        coerce: wholeNumber('steps', 2, MAX_STEPS),
      },
      set: {
        describe: 'images to evaluate: test or train',
        default: 'test',
        requiresArg: true,
        coerce: oneOf('set', ['test', 'train']),
      },
      clip: {
        describe: 'clip the noisy image of the figure to [0, 1]; the table has both',
        type: 'boolean',
        default: true,
      },
      seed: seedOption(0),
      data: dataOption,
      out: {
        describe: 'directory of the figures',
        default: 'results',
        requiresArg: true,
        coerce: path('out'),
      },
      ...engineOptions,
      json: jsonOption,
    } as const)
    .parseAsync()
}

type Flags = Awaited<ReturnType<typeof parseFlags>>

async function main(args: string[]): Promise<undefined> {
  const flags = await parseFlags(args)
  const { network, parameters, warnings } = readModel(await readFileBytes(flags.load), flags.load)
  for (const warning of warnings) console.error(`warning: ${warning}`)
  checkModel(flags, network)
  const data = await loadDataset(flags.data)
  const set = data[flags.set]
  checkImages(flags, network, set, data.name)
  const files = {
    clean: join(flags.out, 'recon.clean.png'),
    denoise: join(flags.out, 'recon.denoise.png'),
    interpolation: join(flags.out, 'interp.png'),
  }
  await makeDirectory(flags.out)
  for (const file of Object.values(files)) await checkWritable(file)

  const engine = await createEngine(network, flags)
  try {
    await engine.writeState(stateOf(parameters))
    const evaluation = await evaluate(engine, set, { noiseStd: flags['noise-std'], seed: flags.seed })
    const figures = await drawEvaluationFigures(engine, set, evaluation, {
      model: basename(flags.load),
      setName: flags.set,
      cleanIndex: flags['clean-idx'],
      denoiseIndex: flags['denoise-idx'],
      clip: flags.clip,
      interpolation: [flags['interp-idx1'], flags['interp-idx2']],
      steps: flags.steps,
    })
    await writeFileAtomically(files.clean, figures.clean)
    await writeFileAtomically(files.denoise, figures.denoise)
    await writeFileAtomically(files.interpolation, figures.interpolation)

    const { device, threads, arithmetic } = engine.info
    if (flags.json) {
      const machine = { device, threads, arithmetic }
      const model = {
        file: flags.load,
        input: inputSize(network),
        bottleneck: codeSize(network),
        ...networkSettingsOf(network),
        parameters: parameterCount(network),
      }
      console.log(JSON.stringify({ model, data: data.name, set: flags.set, machine, ...evaluation, files }))
      return
    }
    console.log(`${flags.load}: ${describeSizes(network)}, ${whole(parameterCount(network))} parameters`)
    console.log(`${device}, threads: ${threads}, ${arithmetic}`)
    console.log(`${data.name}, ${whole(evaluation.count)} ${flags.set} images; noise of seed ${flags.seed}\n`)
    for (const line of table(evaluation)) console.log(line)
    console.log(`\nFigures: ${Object.values(files).join(', ')}`)
  } finally {
    await engine.dispose()
  }
}

function checkModel({ bottleneck, load }: Flags, network: Network): void {
  if (!isAutoencoder(network)) throw new FileError(load, 'expected an autoencoder, found a classifier')
  const units = codeSize(network)
  if (bottleneck !== undefined && bottleneck !== units) {
    throw new UsageError(`--bottleneck: expected ${units}, the latent units of ${load}, found ${bottleneck}`)
  }
}

function checkImages(flags: Flags, network: Network, set: ImageSet, dataName: string): void {
  if (set.width * set.height !== inputSize(network)) {
    throw new FileError(
      flags.load,
      `expected a network of ${set.width * set.height} inputs for the ${set.width} × ${set.height} pixels of ` +
        `${dataName}, found ${inputSize(network)}`,
    )
  }
  for (const flag of ['clean-idx', 'denoise-idx', 'interp-idx1', 'interp-idx2'] as const) {
    if (flags[flag] >= set.count) {
      throw new UsageError(
        `--${flag.replaceAll('-', '_')}: expected a whole number from 0 to ${set.count - 1} ` +
          `(${flags.set} images of ${dataName}), found ${flags[flag]}`,
      )
    }
  }
}

function table(evaluation: Evaluation): string[] {
  const {
    reconstruction,
    clipped,
    unclipped,
    noiseStd,
    latentUnits,
    activeLatentUnits,
    deadLatentUnits,
    perLabel,
  } = evaluation
  const row = (name: string, ...cells: string[]) =>
    name.padEnd(16) + cells.map((cell) => cell.padStart(9)).join('')
  const quality = ({ mse, psnr, ssim }: ImageQuality) => [
    mse.toFixed(6),
    psnr.toFixed(2),
    ssim === null ? '-' : ssim.toFixed(4),
  ]
  const gain = ({ gain }: DenoisingQuality) => ['', `${gain < 0 ? '' : '+'}${gain.toFixed(2)}`, '']
  const dead =
    deadLatentUnits.length === 0
      ? ''
      : `; units that never fire, counted from 0: ${deadLatentUnits.join(', ')}`
  return [
    row('', 'MSE', 'PSNR dB', 'SSIM'),
    row('reconstruction', ...quality(reconstruction)),
    '',
    `noise of σ ${noiseStd}`.padEnd(16) + 'clipped to [0, 1]'.padStart(27) + 'not clipped'.padStart(27),
    row('against clean', 'MSE', 'PSNR dB', 'SSIM', 'MSE', 'PSNR dB', 'SSIM'),
    row('noisy', ...quality(clipped.noisy), ...quality(unclipped.noisy)),
    row('denoised', ...quality(clipped.denoised), ...quality(unclipped.denoised)),
    row('gain', ...gain(clipped), ...gain(unclipped)).trimEnd(),
    '',
    `active latent units: ${activeLatentUnits} of ${latentUnits}${dead}`,
    '',
    row('label', 'images', 'MSE'),
    ...perLabel.map(({ label, count, mse }) => row(String(label), whole(count), mse.toFixed(6))),
  ]
}

function whole(value: number): string {
  return value.toLocaleString('en-US')
}

await runCommand(main, { printsResult: true })
