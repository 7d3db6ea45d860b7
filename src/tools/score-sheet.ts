/** Scores as rows under named columns. Runs in a browser. */
import type { Sheet } from '../data/sinks/sheet.ts'
import type { Table, Values } from '../data/table.ts'
import type { KeptColumn } from './kept-columns.ts'
import type { ModelRows } from './rows.ts'
import type { Scores } from './score.ts'

/** Rows of text that are made at once. */
const ROWS_AT_ONCE = 8192

/**
 * `row` (from 1, as in the data), the columns that are kept, `error`, `percentile`, `verdict` (1 above the
 * threshold, else 0), and for each feature that is named `feature_1`, `share_1`, …
 *
 * @param asText names of features as text; else their places, from 1
 */
export function scoreSheet(
  scores: Scores,
  { kept: keptRows }: Pick<ModelRows, 'kept'>,
  kept: readonly KeptColumn[],
  asText: boolean,
): Sheet {
  const { count, errors, percentiles, verdicts, explanation } = scores
  const { most, names, features, shares } = explanation
  const places = Array.from({ length: most }, (_, i) => i)
  const named = places.flatMap((place) => [
    { name: `feature_${place + 1}`, kind: asText ? ('text' as const) : ('whole' as const) },
    { name: `share_${place + 1}`, kind: 'float32' as const },
  ])
  async function* parts() {
    for (let from = 0; from < count; from += ROWS_AT_ONCE) {
      const to = Math.min(count, from + ROWS_AT_ONCE)
      const length = to - from
      const featureAt = (row: number, place: number) => features[(from + row) * most + place]
      yield [
        Int32Array.from({ length }, (_, i) => sheetRow(keptRows, from + i)),
        ...kept.map((column) => column.cells(from, to)),
        errors.subarray(from, to),
        percentiles.subarray(from, to),
        Int32Array.from(verdicts.subarray(from, to)),
        ...places.flatMap((place) => [
          asText
            ? Array.from({ length }, (_, i) => names[featureAt(i, place)])
            : Int32Array.from({ length }, (_, i) => featureAt(i, place) + 1),
          Float32Array.from({ length }, (_, i) => shares[(from + i) * most + place]),
        ]),
      ]
    }
  }
  return {
    count,
    columns: [
      { name: 'row', kind: 'whole' },
      ...kept,
      { name: 'error', kind: 'float64' },
      { name: 'percentile', kind: 'float64' },
      { name: 'verdict', kind: 'whole' },
      ...named,
    ],
    parts: parts(),
  }
}

/** What the sheet calls a row that was scored, from 1: where it was in the data, before any were left out. */
function sheetRow(kept: Uint32Array | undefined, index: number): number {
  return (kept?.[index] ?? index) + 1
}

/** The same in words for figures: a picture by its name. */
export function scoredName(set: Table | Values, kept: Uint32Array | undefined, index: number): string {
  const number = sheetRow(kept, index)
  return (set.kind === 'values' ? set.names?.[number - 1] : undefined) ?? `row ${number}`
}
