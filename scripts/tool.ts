/** What the tools' commands share: model and data in, files out, with progress, text or JSON lines. */
import type { Sheet } from '../src/data/sinks/sheet.ts'
import { holdsText, SINK_NAMES, sinkFormat, writeSheet } from '../src/data/sinks/sink.ts'
import { loadSource } from '../src/data/sources/node.ts'
import type { Source, Table, Values } from '../src/data/table.ts'
import { createEngine } from '../src/engines/create.ts'
import { UsageError } from '../src/errors.ts'
import { holdOutputs, writeFileAtomically } from '../src/files/write.ts'
import type { StoredModel } from '../src/formats/model-file.ts'
import { describeSizes } from '../src/model/network.ts'
import { stateOf } from '../src/model/state.ts'
import { quote } from '../src/quote.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import type { KeptColumn } from '../src/tools/kept-columns.ts'
import { keptColumns } from '../src/tools/kept-columns.ts'
import type { ToolHooks, ToolModel } from '../src/tools/model.ts'
import type { ModelRows } from '../src/tools/rows.ts'
import { readingFor, rowsForModel } from '../src/tools/rows.ts'
import { engineOptions, jsonOption, oneOf, path } from './cli.ts'
import { columnList, sourceFlags, sourceOptions } from './data-flags.ts'
import { loadOption, loadUsableModel, networkOptions } from './model-option.ts'
import { progressBar } from './progress-bar.ts'

/** Flags of every tool. */
export const toolOptions = {
  load: loadOption,
  data: {
    alias: 'd',
    describe: 'table (.csv, .tsv, .parquet), array (.npy, .npz), folder of pictures or of IDX files',
    demandOption: '--data: expected the file or folder of data, found nothing',
    requiresArg: true,
    coerce: path('data'),
  },
  set: {
    describe: 'data that bring a test set: train or test',
    defaultDescription: 'train',
    requiresArg: true,
    coerce: oneOf('set', ['train', 'test']),
  },
  ...sourceFlags,
  ...networkOptions,
  ...engineOptions,
  json: jsonOption,
} as const

/** Flags of tools that take rows and give a row for each. */
export const rowOptions = {
  'keep-columns': {
    describe: 'columns of the data to carry over, such as ids; of pictures name and label',
    requiresArg: true,
    coerce: columnList('keep-columns'),
  },
  missing: {
    describe: 'rows with an empty cell that the model has no mean for: error, or drop them',
    defaultDescription: 'error',
    requiresArg: true,
    coerce: oneOf('missing', ['error', 'drop']),
  },
} as const

/** A flag of the file that comes out. */
export function outOption(what: string, defaultName?: string) {
  return {
    alias: 'o',
    describe: what,
    ...(defaultName === undefined
      ? { demandOption: `--out: expected ${what}, found nothing` }
      : { default: defaultName }),
    requiresArg: true,
    coerce: path('out'),
  } as const
}

type Coerced<Option> = Option extends { readonly coerce: (value: string) => infer Value } ? Value : boolean
type FlagsOf<Options> = { readonly [Name in keyof Options]?: Coerced<Options[Name]> | undefined }

export interface ToolFlags extends FlagsOf<Omit<typeof toolOptions, 'load' | 'data'>> {
  readonly load: string
  readonly data: string
}

/** What a tool works with. */
export interface ToolJob {
  readonly model: ToolModel
  readonly stored: StoredModel
  /** The rows that were asked for. */
  readonly set: Table | Values
  readonly hooks: ToolHooks
  /** Says what the user should know, once. */
  note(line: string): void
}

/** What a tool has done. */
export interface ToolResult {
  /** Lines for people. */
  readonly lines: readonly string[]
  /** Of the last line of JSON. */
  readonly record: object
  readonly files: readonly string[]
}

/**
 * Runs a tool: prints what it was given and, in the end, what came out. With `--json` one object a line:
 * `start`, then `note`s, then `end`, which holds the result.
 *
 * @param outputs files that are taken at the start, so that nothing is computed in vain
 * @returns the exit code after an interrupt
 */
export async function runTool(
  tool: string,
  flags: ToolFlags,
  outputs: readonly string[],
  work: (job: ToolJob) => Promise<ToolResult>,
): Promise<number | undefined> {
  const stored = await loadUsableModel(flags.load, flags)
  const source = await loadSource(flags.data, {
    ...readingFor(stored.preprocessing ?? {}, sourceOptions(flags)),
    asWritten: carriedOn(stored, flags, outputs),
  })
  const set = chosenSet(source, flags)
  const held = await holdOutputs(outputs, [flags.data, flags.load])
  const bar = progressBar(process.stderr)
  const print = (record: object) => console.log(JSON.stringify(record))
  const note = (line: string) => {
    bar.clear()
    if (flags.json) print({ type: 'note', message: line })
    else console.error(line)
  }
  const interrupt = onInterrupt(() => bar.clear())
  try {
    const engine = await createEngine(stored.network, flags)
    try {
      await engine.writeState(stateOf(stored.parameters))
      if (flags.json) {
        print({
          type: 'start',
          tool,
          model: flags.load,
          network: describeSizes(stored.network),
          data: flags.data,
          description: source.description,
          rows: set.count,
          device: engine.info.device,
        })
      } else {
        console.log(source.description)
      }
      for (const line of held.notes) note(line)
      const result = await work({
        model: { ...stored, engine, name: flags.load },
        stored,
        set,
        hooks: { signal: interrupt.signal, onProgress: (share) => bar.draw(tool, share, '') },
        note,
      })
      bar.clear()
      if (flags.json) print({ type: 'end', tool, files: result.files, ...result.record })
      else for (const line of [...result.lines, `Wrote ${result.files.join(', ')}`]) console.log(line)
      return interrupt.exitCode()
    } finally {
      await engine.dispose()
    }
  } catch (error) {
    bar.clear()
    // What an abort interrupted did not fail.
    if (interrupt.exitCode() !== undefined) return interrupt.exitCode()
    throw error
  } finally {
    interrupt.release()
    await held.release()
  }
}

/** Columns that are no more than kept, for an output that can hold text. */
function carriedOn(
  { preprocessing: { features = [], label } = {} }: StoredModel,
  flags: ToolFlags & { readonly 'keep-columns'?: readonly string[]; readonly label?: string | undefined },
  [out]: readonly string[],
): string[] {
  const format = out === undefined ? undefined : sinkFormat(out)
  if (format === undefined || !holdsText(format)) return []
  const used = [flags.label ?? label, ...features.map(({ name }) => name)]
  return (flags['keep-columns'] ?? []).filter((name) => !used.includes(name))
}

function chosenSet({ train, test }: Source, { set = 'train' }: ToolFlags): Table | Values {
  if (set === 'train') return train
  if (test) return test
  throw new UsageError(`--set: expected data that bring a test set, found ${quote(train.file)} without one`)
}

/** The model's rows of the data, and the columns that go with them. */
export function toolRows(
  { model, set, note }: ToolJob,
  flags: FlagsOf<typeof rowOptions>,
  label?: string | undefined,
): { rows: ModelRows; kept: KeptColumn[] } {
  const rows = rowsForModel(set, model, {
    missing: flags.missing,
    label: label ?? model.preprocessing?.label,
  })
  for (const line of rows.notes) note(line)
  return { rows, kept: keptColumns(set, flags['keep-columns'] ?? [], rows.kept) }
}

/** Throws UsageError for a name that asks for no table or array. */
export function checkSheetName(out: string): void {
  if (sinkFormat(out) === undefined) {
    throw new UsageError(`--out: expected a name that ends in ${SINK_NAMES}, found ${quote(out)}`)
  }
}

/**
 * Writes rows under named columns, of which `kept` are those of `--keep-columns`. Throws UsageError where one
 * of these has the name of another column.
 */
export async function writeSheetFile(sheet: Sheet, kept: readonly KeptColumn[], out: string): Promise<void> {
  const names = sheet.columns.map(({ name }) => name)
  const twice = kept.find(({ name }) => names.indexOf(name) !== names.lastIndexOf(name))
  if (twice) {
    const expected = 'expected names that no other column of the output has'
    throw new UsageError(`--keep-columns: ${expected}, found ${quote(twice.name)}`)
  }
  await writeFileAtomically(out, writeSheet(sheet, out))
}
