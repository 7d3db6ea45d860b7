/** Raw rows that a model gives, under the names of its columns. Runs in a browser. */
import { type Cells, cellsOf, columnsOf, type SheetColumn } from '../data/sinks/sheet.ts'
import { featureSize } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { type ModelRows, namesOfInputs } from './rows.ts'

export interface RawColumns {
  readonly columns: readonly SheetColumn[]
  /** The cells of rows (n, inputs), column by column. */
  cells(rows: FloatArray): Cells[]
}

/**
 * One column a feature: a category is the one whose value is largest, the first of equal ones.
 *
 * @param oneNumberAnInput for formats that hold no text: categories as a column of numbers each
 */
export function rawColumns(
  { features, picture }: Pick<ModelRows, 'features' | 'picture'>,
  inputs: number,
  oneNumberAnInput = false,
): RawColumns {
  if (!features || oneNumberAnInput || features.every(({ kind }) => kind === 'number')) {
    const columns = namesOfInputs({ features, picture }, inputs).map((name) => ({
      name,
      kind: 'float32' as const,
    }))
    return { columns, cells: (rows) => columnsOf(rows, inputs) }
  }
  return {
    columns: features.map(({ name, kind }) => ({ name, kind: kind === 'number' ? 'float32' : 'text' })),
    cells(rows) {
      let at = 0
      return features.map((feature) => {
        const first = at
        at += featureSize(feature)
        if (feature.kind === 'number') return cellsOf(rows, inputs, first)
        return likeliest(rows, inputs, first, feature.categories)
      })
    },
  }
}

function likeliest(rows: FloatArray, inputs: number, first: number, categories: readonly string[]): string[] {
  const texts: string[] = []
  for (let row = first; row < rows.length; row += inputs) {
    let best = 0
    for (let i = 1; i < categories.length; i++) if (rows[row + i] > rows[row + best]) best = i
    texts.push(categories[best])
  }
  return texts
}
