/**
 * `npm run classify -- -l FILE --data PATH --label COLUMN --out classifier.pth`: a classifier upon a trained
 * encoder.
 */
import { createEngine } from '../src/engines/create.ts'
import { UsageError } from '../src/errors.ts'
import { formatPercent } from '../src/experiments/table.ts'
import { writeFileAtomically } from '../src/files/write.ts'
import { CLASSES_KEY, modelFormat, writeModel } from '../src/formats/model-file.ts'
import { writeOnnx } from '../src/formats/onnx.ts'
import { describeSizes } from '../src/model/network.ts'
import { quote } from '../src/quote.ts'
import { classesOfRows, pretrainRows } from '../src/tools/pretrain.ts'
import { commandLine, path, positiveNumber, runCommand, seedOption, wholeNumber } from './cli.ts'
import { featureFlags, share } from './data-flags.ts'
import { outOption, rowOptions, runTool, toolOptions, toolRows } from './tool.ts'

async function main(args: string[]): Promise<number | undefined> {
  const usage = 'npm run classify -- -l FILE --data PATH --label COLUMN --out classifier.pth [flags]'
  const flags = await commandLine(usage, args)
    .options({
      ...toolOptions,
      out: outOption('file of the classifier: .pth or .safetensors'),
      onnx: {
        describe: 'the same for ONNX runtimes',
        defaultDescription: 'beside --out',
        requiresArg: true,
        coerce: path('onnx'),
      },
      label: {
        ...featureFlags.label,
        describe: 'column of the classes; of arrays and pictures the labels that they have',
        defaultDescription: "the model's",
      },
      missing: rowOptions.missing,
      validation: { ...featureFlags.validation, defaultDescription: '0.2', coerce: share('validation') },
      steps: { describe: 'updates', default: 2000, requiresArg: true, coerce: wholeNumber('steps', 1) },
      'batch-size': {
        describe: 'rows in a minibatch',
        default: 128,
        requiresArg: true,
        coerce: wholeNumber('batch-size', 1, 2 ** 31),
      },
      lr: {
        describe: 'learning rate; ten times as much with --frozen',
        default: 1e-3,
        requiresArg: true,
        coerce: positiveNumber('lr'),
      },
      frozen: {
        describe: 'keep the encoder as it is and train the head alone',
        type: 'boolean',
        default: false,
      },
      seed: seedOption(0),
    } as const)
    .parseAsync()
  modelFormat(flags.out)
  const onnx = flags.onnx ?? `${flags.out.replace(/\.[^.]*$/, '')}.onnx`
  if (!/\.onnx$/i.test(onnx))
    throw new UsageError(`--onnx: expected a name that ends in .onnx, found ${onnx}`)
  return runTool('classify', flags, [flags.out, onnx], async (job) => {
    const { model, stored, set, hooks } = job
    const label = flags.label ?? model.preprocessing?.label
    if (set.kind === 'table' && label === undefined) {
      throw new UsageError(`--label: expected the column of the classes in ${quote(set.file)}, found nothing`)
    }
    if (model.preprocessing?.features?.some(({ name }) => name === label)) {
      throw new UsageError(
        `--label: expected a column that ${model.name} did not learn from, found ${quote(String(label))}, which it did`,
      )
    }
    const { rows } = toolRows(job, flags, label)
    const labels = classesOfRows(set, label, rows)
    const { steps, lr: learningRate, frozen, seed, validation } = flags
    const made = await pretrainRows(
      model,
      stored.parameters,
      rows,
      labels,
      (network) => createEngine(network, flags),
      { steps, learningRate, frozen, seed, validation, batchSize: flags['batch-size'] },
      hooks,
    )
    const { network, parameters, classes } = made
    const preprocessing = stored.preprocessing && {
      ...stored.preprocessing,
      ...(label !== undefined && { label }),
    }
    const metadata = { [CLASSES_KEY]: JSON.stringify(classes) }
    await writeFileAtomically(
      flags.out,
      writeModel({ network, parameters, preprocessing, metadata }, flags.out),
    )
    await writeFileAtomically(onnx, writeOnnx(network, parameters, 'autoencoder', { preprocessing }).bytes)
    const rowsText = (count: number) => count.toLocaleString('en-US')
    return {
      lines: [
        `${describeSizes(network)}, classes ${classes.map((name) => quote(name)).join(', ')}`,
        `right of ${rowsText(made.judgingRows)} rows that were held back, of ${rowsText(rows.count)}:`,
        `  ${frozen ? 'encoder, frozen    ' : 'encoder, fine-tuned'}  ${formatPercent(made.accuracy)}`,
        `  from scratch         ${formatPercent(made.scratchAccuracy)}`,
        `  the largest class    ${formatPercent(made.majorityShare)}`,
      ],
      record: {
        rows: rows.count,
        trainingRows: made.trainingRows,
        judgingRows: made.judgingRows,
        classes,
        accuracy: made.accuracy,
        scratchAccuracy: made.scratchAccuracy,
        majorityShare: made.majorityShare,
        frozen,
        steps,
        seed,
      },
      files: [flags.out, onnx],
    }
  })
}

await runCommand(main)
