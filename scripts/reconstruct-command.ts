/** `reconstruct` and `denoise` are one: what a model makes of rows. */
import { formatLoss } from '../src/figures/theme.ts'
import { NOISE_KEY } from '../src/formats/model-file.ts'
import { inputSize } from '../src/model/network.ts'
import { checkAutoencoder } from '../src/tools/model.ts'
import { rawSheet, reconstructRows } from '../src/tools/reconstruct.ts'
import { commandLine, positiveNumber, seedOption } from './cli.ts'
import {
  checkNoKept,
  heldFiles,
  outOption,
  rowOptions,
  rowsOut,
  runTool,
  type ToolJob,
  toolOptions,
  toolRows,
  writeRows,
} from './tool.ts'
import { pictureOption, pictureShape, rowsOfParts } from './tool-pictures.ts'

export async function reconstructCommand(
  tool: 'reconstruct' | 'denoise',
  args: string[],
): Promise<number | undefined> {
  const flags = await commandLine(`npm run ${tool} -- -l FILE --data PATH --out rows.csv [flags]`, args)
    .options({
      ...toolOptions,
      out: outOption('file of the rows: .csv, .npy, .npz or .parquet; pictures: .png or a folder'),
      ...rowOptions,
      picture: pictureOption,
      'add-noise': {
        describe: 'standard deviation of noise to add before, on values as the network sees them',
        defaultDescription: 'none',
        requiresArg: true,
        coerce: positiveNumber('add-noise'),
      },
      seed: seedOption(0),
    } as const)
    .parseAsync()
  const kind = await rowsOut(flags.out)
  checkNoKept(kind, flags['keep-columns'])
  return runTool(tool, flags, heldFiles(flags.out, kind), async (job) => {
    const { model, set, hooks } = job
    checkAutoencoder(model)
    if (tool === 'denoise') noteTraining(job)
    const { rows, kept } = toolRows(job, flags)
    const shape = pictureShape(model, rows.picture, flags.picture)
    const std = flags['add-noise']
    const { parts, quality } = reconstructRows(
      model,
      rows,
      hooks,
      std === undefined ? undefined : { std, seed: flags.seed },
    )
    await writeRows(
      flags.out,
      kind,
      (oneNumberAnInput) =>
        rawSheet(rows.count, rows, inputSize(model.engine.network), parts, kept, oneNumberAnInput),
      {
        count: rows.count,
        shape,
        parts: rowsOfParts(parts),
        names: set.kind === 'values' ? set.names : undefined,
      },
    )
    const { error, noisyError } = quality()
    const count = rows.count.toLocaleString('en-US')
    const line =
      noisyError === undefined
        ? `${count} rows; mean squared error per value against what was given: ${formatLoss(error)}`
        : `${count} rows; mean squared error per value against the clean ones: noisy ${formatLoss(noisyError)}, ` +
          `denoised ${formatLoss(error)}`
    return { lines: [line], record: { rows: rows.count, error, noisyError }, files: [flags.out] }
  })
}

/** A model that never saw noise denoises by its bottleneck alone. */
function noteTraining({ stored: { metadata }, model: { name }, note }: ToolJob): void {
  if (Number(metadata[NOISE_KEY]) > 0) return
  note(
    `${name}: does not say that it was trained with noise (train --noise-std); it takes away less than one that was`,
  )
}
