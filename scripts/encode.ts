/** `npm run encode -- -l FILE --data PATH --out codes.csv`: the codes of rows. */
import { codeSize } from '../src/model/network.ts'
import { encodeRows } from '../src/tools/encode.ts'
import { commandLine, runCommand } from './cli.ts'
import {
  checkSheetName,
  outOption,
  rowOptions,
  runTool,
  toolOptions,
  toolRows,
  writeSheetFile,
} from './tool.ts'

async function main(args: string[]): Promise<number | undefined> {
  const flags = await commandLine('npm run encode -- -l FILE --data PATH --out codes.csv [flags]', args)
    .options({
      ...toolOptions,
      out: outOption('file of the codes: .csv, .npy, .npz or .parquet'),
      ...rowOptions,
    } as const)
    .parseAsync()
  checkSheetName(flags.out)
  return runTool('encode', flags, [flags.out], async (job) => {
    const { rows, kept } = toolRows(job, flags)
    const units = codeSize(job.model.engine.network)
    await writeSheetFile(encodeRows(job.model, rows, kept, job.hooks), kept, flags.out)
    const codes = `${rows.count.toLocaleString('en-US')} codes of ${units} units`
    return { lines: [codes], record: { rows: rows.count, units }, files: [flags.out] }
  })
}

await runCommand(main)
