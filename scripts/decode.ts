/** `npm run decode -- -l FILE --data codes.csv --out rows.csv`: raw rows, or pictures, for codes. */
import { codeSize, inputSize } from '../src/model/network.ts'
import { codesOf, decodeCodes } from '../src/tools/decode.ts'
import { keptColumns } from '../src/tools/kept-columns.ts'
import { checkAutoencoder } from '../src/tools/model.ts'
import { rawSheet } from '../src/tools/reconstruct.ts'
import { commandLine, runCommand } from './cli.ts'
import {
  checkNoKept,
  heldFiles,
  outOption,
  rowOptions,
  rowsOut,
  runTool,
  toolOptions,
  writeRows,
} from './tool.ts'
import { pictureOption, pictureShape, rowsOfParts } from './tool-pictures.ts'

async function main(args: string[]): Promise<number | undefined> {
  const flags = await commandLine('npm run decode -- -l FILE --data codes.csv --out rows.csv [flags]', args)
    .options({
      ...toolOptions,
      out: outOption('file of the rows: .csv, .npy, .npz or .parquet; pictures: .png or a folder'),
      'keep-columns': rowOptions['keep-columns'],
      picture: pictureOption,
    } as const)
    .parseAsync()
  const kind = await rowsOut(flags.out)
  checkNoKept(kind, flags['keep-columns'])
  return runTool('decode', flags, heldFiles(flags.out, kind), async ({ model, set, hooks }) => {
    checkAutoencoder(model)
    const codes = codesOf(set, model)
    const { network } = model.engine
    const { features } = model.preprocessing ?? {}
    const shape = pictureShape(model, undefined, flags.picture)
    const count = codes.length / codeSize(network)
    const kept = keptColumns(set, flags['keep-columns'] ?? [], undefined)
    const parts = decodeCodes(model, codes, hooks)
    await writeRows(
      flags.out,
      kind,
      (oneNumberAnInput) =>
        rawSheet(count, { features, picture: shape }, inputSize(network), parts, kept, oneNumberAnInput),
      { count, shape, parts: rowsOfParts(parts) },
    )
    return {
      lines: [`${count.toLocaleString('en-US')} rows decoded`],
      record: { rows: count },
      files: [flags.out],
    }
  })
}

await runCommand(main)
