/** `reconstruct` and `denoise` are one: what a model makes of rows. */
import { formatLoss } from '../src/figures/theme.ts'
import { checkAutoencoder } from '../src/tools/model.ts'
import { reconstructRows } from '../src/tools/reconstruct.ts'
import { commandLine, positiveNumber, seedOption } from './cli.ts'
import { noiseNote } from './model-option.ts'
import { rowOptions, runTool, type ToolJob, toolOptions, toolRows } from './tool.ts'
import { rawRowsOptions, rawRowsPlace } from './tool-rows.ts'

export async function reconstructCommand(
  tool: 'reconstruct' | 'denoise',
  args: string[],
): Promise<number | undefined> {
  const flags = await commandLine(`npm run ${tool} -- -l FILE --data PATH --out rows.csv [flags]`, args)
    .options({
      ...toolOptions,
      ...rawRowsOptions,
      ...rowOptions,
      'add-noise': {
        describe:
          'standard deviation of noise to add before, on values as the network sees them; rows of bytes are ' +
          'clipped to [0, 1] then, as in training',
        defaultDescription: 'none',
        requiresArg: true,
        coerce: positiveNumber('add-noise'),
      },
      seed: seedOption(0),
    } as const)
    .parseAsync()
  const place = await rawRowsPlace(flags)
  return runTool(tool, flags, place.held, async (job) => {
    const { model, set, hooks } = job
    checkAutoencoder(model)
    if (tool === 'denoise') noteTraining(job)
    const { rows, kept } = toolRows(job, flags)
    const std = flags['add-noise']
    const { parts, quality } = reconstructRows(
      model,
      rows,
      hooks,
      std === undefined ? undefined : { std, seed: flags.seed },
    )
    await place.write(model, {
      count: rows.count,
      parts,
      like: rows,
      kept,
      names: set.kind === 'values' ? set.names : undefined,
    })
    const { error, noisyError } = quality()
    const count = rows.count.toLocaleString('en-US')
    const measure = `mean squared error per value${model.preprocessing?.scaling ? ', scaled,' : ''}`
    const line =
      noisyError === undefined
        ? `${count} rows; ${measure} against what was given: ${formatLoss(error)}`
        : `${count} rows; ${measure} against the clean ones: ` +
          `noisy${rows.rows instanceof Uint8Array ? ', clipped to [0, 1],' : ''} ${formatLoss(noisyError)}, ` +
          `denoised ${formatLoss(error)}`
    return { lines: [line], record: { rows: rows.count, error, noisyError }, files: [flags.out] }
  })
}

/** A model that never saw noise denoises by its bottleneck alone. */
function noteTraining({ stored, model, note }: ToolJob): void {
  const line = noiseNote(stored, model.name)
  if (line !== undefined) note(line)
}
