/** `npm run generate -- -l FILE --data PATH -n 100 --out rows.csv`: new rows, or pictures. */
import { generateRows } from '../src/tools/generate.ts'
import { commandLine, runCommand, seedOption, wholeNumber } from './cli.ts'
import { rowOptions, runTool, toolOptions, toolRows } from './tool.ts'
import { rawRowsOptions, rawRowsPlace } from './tool-rows.ts'

const USAGE = `npm run generate -- -l FILE --data PATH -n 100 --out rows.csv [flags]

Rows decoded from samples of a mixture of Gaussians, which is fitted to the codes of --data.`

async function main(args: string[]): Promise<number | undefined> {
  const flags = await commandLine(USAGE, args)
    .options({
      ...toolOptions,
      data: {
        ...toolOptions.data,
        demandOption:
          '--data: expected rows such as the model was trained on, to learn from which codes occur (its file does not hold that), found nothing',
      },
      ...rawRowsOptions,
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
      seed: seedOption(0),
    } as const)
    .parseAsync()
  const place = await rawRowsPlace(flags)
  return runTool('generate', flags, place.held, async (job) => {
    const { model, hooks } = job
    const { rows } = toolRows(job, flags)
    const { count, seed } = flags
    const made = await generateRows(model, rows, { count, seed, components: flags.components }, hooks)
    await place.write(model, { count, parts: made.parts, like: rows })
    const { components, meanLogLikelihood } = made
    return {
      lines: [
        `${count.toLocaleString('en-US')} rows from a mixture of ${components} ${components === 1 ? 'Gaussian' : 'Gaussians'}, seed ${seed}`,
      ],
      record: { rows: count, components, meanLogLikelihood, seed },
      files: [flags.out],
    }
  })
}

await runCommand(main)
