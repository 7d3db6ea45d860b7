/** `npm run generate -- -l FILE --data PATH -n 100 --out rows.csv`: new rows, or pictures. */
import { inputSize } from '../src/model/network.ts'
import { generateRows } from '../src/tools/generate.ts'
import { rawSheet } from '../src/tools/reconstruct.ts'
import { commandLine, runCommand, seedOption, wholeNumber } from './cli.ts'
import {
  heldFiles,
  outOption,
  rowOptions,
  rowsOut,
  runTool,
  toolOptions,
  toolRows,
  writeRows,
} from './tool.ts'
import { pictureOption, pictureShape, rowsOfParts } from './tool-pictures.ts'

const USAGE = `npm run generate -- -l FILE --data PATH -n 100 --out rows.csv [flags]

Rows decoded from samples of a mixture of Gaussians, which is fitted to the codes of --data.`

async function main(args: string[]): Promise<number | undefined> {
  const flags = await commandLine(USAGE, args)
    .options({
      ...toolOptions,
      out: outOption('file of the rows: .csv, .npy, .npz or .parquet; pictures: .png or a folder'),
      count: {
        alias: 'n',
        describe: 'rows to make',
        default: 100,
        requiresArg: true,
        coerce: wholeNumber('count', 1),
      },
      components: {
        describe: 'Gaussians of the mixture',
        defaultDescription: 'one for each 20 rows, at most 30',
        requiresArg: true,
        coerce: wholeNumber('components', 1),
      },
      missing: rowOptions.missing,
      picture: pictureOption,
      seed: seedOption(0),
    } as const)
    .parseAsync()
  const kind = await rowsOut(flags.out)
  return runTool('generate', flags, heldFiles(flags.out, kind), async (job) => {
    const { model, hooks } = job
    const { rows } = toolRows(job, flags)
    const shape = pictureShape(model, rows.picture, flags.picture)
    const { count, seed } = flags
    const made = await generateRows(model, rows, { count, seed, components: flags.components }, hooks)
    await writeRows(
      flags.out,
      kind,
      (oneNumberAnInput) =>
        rawSheet(count, rows, inputSize(model.engine.network), made.parts, [], oneNumberAnInput),
      { count, shape, parts: rowsOfParts(made.parts) },
    )
    const { components, meanLogLikelihood } = made
    return {
      lines: [
        `${count.toLocaleString('en-US')} rows from a mixture of ${components} Gaussians, seed ${seed}`,
      ],
      record: { rows: count, components, meanLogLikelihood, seed },
      files: [flags.out],
    }
  })
}

await runCommand(main)
