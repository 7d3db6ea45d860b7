/** `npm run evaluate -- -l FILE`: what a trained model is worth, as a table, as JSON and as three figures. */

import { basename, join } from 'node:path'
import type { ImageSet } from '../src/data/dataset.ts'
import { loadDataset } from '../src/data/node-files.ts'
import { createEngine } from '../src/engines/create.ts'
import type { EngineInfo } from '../src/engines/engine.ts'
import { FileError, UsageError } from '../src/errors.ts'
import {
  type DenoisingQuality,
  type Evaluation,
  evaluate,
  type ImageQuality,
} from '../src/experiments/evaluation.ts'
import { drawEvaluationFigures, type EvaluationFigures } from '../src/experiments/evaluation-figures.ts'
import { MAX_PSNR, WITHOUT_SSIM } from '../src/experiments/metrics.ts'
import { formatNumber } from '../src/experiments/table.ts'
import { holdOutputs, makeDirectory, type Outputs, writeFileAtomically } from '../src/files/write.ts'
import type { Network } from '../src/model/network.ts'
import { codeSize, describeSizes, inputSize, isAutoencoder, parameterCount } from '../src/model/network.ts'
import { stateOf } from '../src/model/state.ts'
import { networkSettingsOf } from '../src/run/settings.ts'
import {
  commandLine,
  DEFAULT_OUT,
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
import { drawOrNotice, figuresOrNotice } from './figures.ts'
import { checkOfImages, loadModel, loadOption, networkOptions } from './model-option.ts'

/** More would be a film, not a figure. */
const MAX_STEPS = 200

/** Images A and B: the seed project's. */
const INTERPOLATED = [12, 3456] as const

const imageIndex = (flag: string, describe: string) =>
  ({ describe, requiresArg: true, coerce: wholeNumber(flag, 0) }) as const

async function parseFlags(args: string[]) {
  return await commandLine('npm run evaluate -- -l FILE [flags]', args)
    .options({
      load: loadOption,
      ...networkOptions,
      bottleneck: {
        alias: 'z',
        describe: 'latent units that the file must have',
        defaultDescription: 'as in the file',
        requiresArg: true,
        coerce: wholeNumber('bottleneck', 1),
      },
      'clean-idx': { ...imageIndex('clean_idx', 'image to reconstruct'), default: 0 },
      'denoise-idx': { ...imageIndex('denoise_idx', 'image to add noise to'), default: 0 },
      'noise-std': {
        describe: 'standard deviation of the Gaussian noise; black is 0, white 1',
        default: 0.2,
        requiresArg: true,
        coerce: nonNegativeNumber('noise_std'),
      },
      'interp-idx1': {
        ...imageIndex('interp_idx1', 'image A of the interpolation'),
        defaultDescription: `${INTERPOLATED[0]}, the first of fewer`,
      },
      'interp-idx2': {
        ...imageIndex('interp_idx2', 'image B of the interpolation'),
        defaultDescription: `${INTERPOLATED[1]}, the last of fewer`,
      },
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
        default: DEFAULT_OUT,
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
  const model = await loadModel(flags.load, flags)
  const { network, parameters } = model
  checkModel(flags, network)
  checkOfImages(model, flags.load)
  const data = await loadDataset(flags.data)
  const set = data[flags.set]
  checkImages(flags, network, set, data.name)
  const interpolation = interpolationOf(flags, set)
  const names = {
    clean: join(flags.out, 'recon.clean.png'),
    denoise: join(flags.out, 'recon.denoise.png'),
    interpolation: join(flags.out, 'interp.png'),
  }
  const outputs = (await figuresOrNotice()) && (await holdFigures(flags.out, Object.values(names)))

  const engine = await createEngine(network, flags)
  try {
    await engine.writeState(stateOf(parameters))
    const evaluation = await evaluate(engine, set, { noiseStd: flags['noise-std'], seed: flags.seed })
    const figures =
      outputs &&
      (await drawOrNotice(() =>
        drawEvaluationFigures(engine, set, evaluation, {
          model: basename(flags.load),
          setName: flags.set,
          cleanIndex: flags['clean-idx'],
          denoiseIndex: flags['denoise-idx'],
          clip: flags.clip,
          interpolation,
          steps: flags.steps,
        }),
      ))
    // A figure that cannot be written keeps nobody from the numbers.
    const unwritten = figures && (await failureOf(writeFigures(names, figures)))
    printEvaluation(flags, {
      network,
      machine: engine.info,
      dataName: data.name,
      evaluation,
      files: figures && unwritten === undefined ? names : undefined,
    })
    if (unwritten !== undefined) throw unwritten
  } finally {
    await engine.dispose()
    await outputs?.release()
  }
}

/**
 * Images A and B. Without the flags those of the seed project, or others, said in a line, of a smaller set.
 */
function interpolationOf(flags: Flags, { count }: ImageSet): readonly [number, number] {
  const choose = ([a, b]: readonly [number, number]) =>
    [flags['interp-idx1'] ?? a, flags['interp-idx2'] ?? b] as const
  const usual = choose(INTERPOLATED)
  const chosen = choose([
    INTERPOLATED[0] < count - 1 ? INTERPOLATED[0] : 0,
    Math.min(INTERPOLATED[1], count - 1),
  ])
  if (`${chosen}` !== `${usual}`) {
    console.error(
      `interpolation: from image ${chosen[0]} to image ${chosen[1]}, as the ${flags.set} set has ${count}`,
    )
  }
  return chosen
}

async function holdFigures(directory: string, files: readonly string[]): Promise<Outputs> {
  await makeDirectory(directory)
  const outputs = await holdOutputs(files)
  for (const note of outputs.notes) console.error(note)
  return outputs
}

type FileNames = Readonly<Record<keyof EvaluationFigures, string>>

async function writeFigures(names: FileNames, figures: EvaluationFigures): Promise<void> {
  for (const name of Object.keys(names) as (keyof EvaluationFigures)[]) {
    await writeFileAtomically(names[name], figures[name])
  }
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

interface Printed {
  readonly network: Network
  readonly machine: EngineInfo
  readonly dataName: string
  readonly evaluation: Evaluation
  /** Undefined where there are none. */
  readonly files: FileNames | undefined
}

function printEvaluation(flags: Flags, { network, machine, dataName, evaluation, files }: Printed): void {
  const { device, threads, arithmetic } = machine
  if (flags.json) {
    const model = {
      file: flags.load,
      input: inputSize(network),
      bottleneck: codeSize(network),
      ...networkSettingsOf(network),
      parameters: parameterCount(network),
    }
    const record = { model, data: dataName, set: flags.set, machine: { device, threads, arithmetic } }
    console.log(JSON.stringify({ ...record, ...evaluation, files: files ?? null }))
    return
  }
  console.log(`${flags.load}: ${describeSizes(network)}, ${whole(parameterCount(network))} parameters`)
  console.log(`${device}, threads: ${threads}, ${arithmetic}`)
  console.log(`${dataName}, ${whole(evaluation.count)} ${flags.set} images; noise of seed ${flags.seed}\n`)
  for (const line of table(evaluation)) console.log(line)
  console.log(`\nFigures: ${files === undefined ? 'none' : Object.values(files).join(', ')}`)
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
    const index = flags[flag]
    if (index !== undefined && index >= set.count) {
      throw new UsageError(
        `--${flag.replaceAll('-', '_')}: expected a whole number from 0 to ${set.count - 1} ` +
          `(${flags.set} images of ${dataName}), found ${index}`,
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
    formatNumber(mse, 6),
    formatNumber(psnr, 2),
    formatNumber(ssim, 4),
  ]
  const gain = ({ gain }: DenoisingQuality) => ['', `${gain >= 0 ? '+' : ''}${formatNumber(gain, 2)}`, '']
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
    ...perLabel.map(({ label, count, mse }) => row(String(label), whole(count), formatNumber(mse, 6))),
    ...(clipped.noisy.mse === 0 ? ['', `PSNR ${MAX_PSNR}: of equal images, whose ratio has no bound`] : []),
    ...(reconstruction.ssim === null ? ['', WITHOUT_SSIM] : []),
    ...(Number.isFinite(reconstruction.mse) ? [] : ['', 'MSE –: what the model computes is not finite']),
  ]
}

function whole(value: number): string {
  return value.toLocaleString('en-US')
}

await runCommand(main, { printsResult: true })
