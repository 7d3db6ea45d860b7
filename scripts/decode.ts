/** `npm run decode -- -l FILE --data codes.csv --out rows.csv`: raw rows, or pictures, for codes. */
import { codeSize } from '../src/model/network.ts'
import { codesOf, decodeCodes } from '../src/tools/decode.ts'
import { keptColumns } from '../src/tools/kept-columns.ts'
import { checkAutoencoder } from '../src/tools/model.ts'
import { commandLine, runCommand } from './cli.ts'
import { rowOptions, runTool, toolOptions } from './tool.ts'
import { rawRowsOptions, rawRowsPlace } from './tool-rows.ts'

async function main(args: string[]): Promise<number | undefined> {
  const flags = await commandLine('npm run decode -- -l FILE --data codes.csv --out rows.csv [flags]', args)
    .options({
      ...toolOptions,
      ...rawRowsOptions,
      'keep-columns': rowOptions['keep-columns'],
    } as const)
    .parseAsync()
  const place = await rawRowsPlace(flags)
  return runTool('decode', flags, place.held, async ({ model, set, hooks }) => {
    checkAutoencoder(model)
    const codes = codesOf(set, model)
    const count = codes.length / codeSize(model.engine.network)
    const kept = keptColumns(set, flags['keep-columns'] ?? [], undefined)
    await place.write(model, { count, parts: decodeCodes(model, codes, hooks), kept })
    return {
      lines: [`${count.toLocaleString('en-US')} rows decoded`],
      record: { rows: count },
      files: [flags.out],
    }
  })
}

await runCommand(main)
