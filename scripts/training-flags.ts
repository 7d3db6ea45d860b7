/** The flags of `npm run train`, and the settings that they give. */
import { UsageError } from '../src/errors.ts'
import { OUTPUT_ACTIVATIONS } from '../src/model/check-network.ts'
import { DEFAULT_FILES } from '../src/run/outputs.ts'
import type { GivenSettings } from '../src/run/settings.ts'
import { commandLine, dataOption, engineOptions, jsonOption, path, wholeNumber } from './cli.ts'
import { settingOption } from './setting-flags.ts'
import { ownDataFlags } from './training-data.ts'

/** A file's flag without a yargs default: what is not typed is the checkpoint's own. */
function fileOption(flag: string, describe: string, standard: string, alias: string[] = []) {
  return { describe, defaultDescription: standard, requiresArg: true, coerce: path(flag), alias } as const
}

export function parseFlags(args: readonly string[]) {
  return commandLine('npm run train -- [flags]\n\nTrains the autoencoder.', args)
    .options({
      z: settingOption('bottleneck'),
      epochs: settingOption('epochs'),
      'batch-size': settingOption('batchSize'),
      save: fileOption('save', 'weights: .pth (PyTorch) or .safetensors', DEFAULT_FILES.weights, ['s']),
      plot: fileOption('plot', 'loss curve, .png', DEFAULT_FILES.plot, ['p']),
      checkpoint: fileOption(
        'checkpoint',
        'all that --resume needs',
        'beside the weights: NAME.checkpoint.safetensors',
      ),
      log: { describe: 'history, .csv, anew after every epoch', requiresArg: true, coerce: path('log') },
      tensorboard: {
        describe: 'directory of event files for TensorBoard: losses, rate, pictures, codes',
        requiresArg: true,
        coerce: path('tensorboard'),
      },
      ...engineOptions,
      lr: settingOption('learningRate'),
      'weight-decay': settingOption('weightDecay'),
      schedule: settingOption('schedule'),
      warmup: settingOption('warmup'),
      'final-lr': settingOption('finalLearningRate'),
      seed: settingOption('seed'),
      hidden: settingOption('hidden'),
      activation: settingOption('activation'),
      'latent-activation': settingOption('latentActivation'),
      'latent-bias': settingOption('latentBias'),
      'output-activation': settingOption('outputActivation'),
      'output-bias': settingOption('outputBias'),
      loss: settingOption('loss'),
      'noise-std': settingOption('noiseStd'),
      patience: settingOption('patience'),
      keep: settingOption('keep'),
      data: {
        ...dataOption,
        describe:
          'your own table (.csv, .parquet), array (.npy, .npz) or folder of pictures, or four IDX files',
      },
      ...ownDataFlags,
      limit: {
        describe: 'train on the first so many images or rows only',
        defaultDescription: 'all',
        requiresArg: true,
        coerce: wholeNumber('limit', 1),
      },
      resume: { describe: 'checkpoint to go on from', requiresArg: true, coerce: path('resume') },
      json: jsonOption,
    })
    .parseAsync()
}

export type Flags = Awaited<ReturnType<typeof parseFlags>>

export function givenSettings(flags: Flags): GivenSettings {
  return {
    bottleneck: flags.z,
    hidden: flags.hidden,
    activation: flags.activation,
    latentActivation: flags['latent-activation'],
    outputActivation: flags['output-activation'],
    loss: flags.loss,
    epochs: flags.epochs,
    batchSize: flags['batch-size'],
    learningRate: flags.lr,
    weightDecay: flags['weight-decay'],
    noiseStd: flags['noise-std'],
    seed: flags.seed,
    schedule: flags.schedule,
    warmup: flags.warmup,
    finalLearningRate: flags['final-lr'],
    latentBias: flags['latent-bias'],
    outputBias: flags['output-bias'],
    patience: flags.patience,
    keep: flags.keep,
  }
}

/** Throws UsageError for an output that the loss is not defined for, in terms of the flags. */
export function checkLoss({ outputActivation, loss }: GivenSettings): void {
  if (outputActivation === undefined || loss === undefined) return
  const possible = OUTPUT_ACTIVATIONS[loss]
  if (possible.includes(outputActivation)) return
  throw new UsageError(
    `--output-activation: expected ${possible.join(' or ')} with --loss ${loss}, found ${outputActivation}`,
  )
}
