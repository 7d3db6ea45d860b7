/** Rows into the bytes of a file, by its name: the one door to the writers beside it. Runs in a browser. */
import { UsageError } from '../../errors.ts'
import { quote } from '../../quote.ts'
import type { Sheet } from './sheet.ts'

export type SinkFormat = 'csv' | 'npy' | 'npz' | 'parquet'

/** For people. */
export const SINK_NAMES = '.csv, .npy, .npz or .parquet'

/** The format that a file's name asks for; undefined for another. */
export function sinkFormat(file: string): SinkFormat | undefined {
  return /\.(csv|npy|npz|parquet)$/i.exec(file)?.[1].toLowerCase() as SinkFormat | undefined
}

/** Whether a format has room for text beside numbers. */
export function holdsText(format: SinkFormat): boolean {
  return format !== 'npy'
}

/**
 * The bytes of a file in the format that its name asks for, as they come: those of .csv and .npy a part at a
 * time, so that the rows need not be in memory together.
 *
 * @throws UsageError for another name, for text where the format has no room for it, and for two columns of
 *   one name
 */
export async function* writeSheet(sheet: Sheet, file: string): AsyncGenerator<Uint8Array> {
  const names = sheet.columns.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) {
    throw new UsageError(`${file}: expected columns of different names, found ${quote(twice)} twice`)
  }
  // Each writer is loaded when it is needed.
  switch (sinkFormat(file)) {
    case 'csv':
      yield* (await import('./csv.ts')).writeCsv(sheet)
      return
    case 'npy':
      yield* (await import('./npy.ts')).writeNpy(sheet, file)
      return
    case 'npz':
      yield await (await import('./npz.ts')).writeNpz(sheet)
      return
    case 'parquet':
      yield await (await import('./parquet.ts')).writeParquet(sheet)
      return
    default:
      throw new UsageError(`expected the name of a file that ends in ${SINK_NAMES}, found ${quote(file)}`)
  }
}
