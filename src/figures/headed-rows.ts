/** The vertical axis of charts whose rows stand in groups, each under a heading of its own. */
import { axisOptions, COLOURS, FONT_SIZE } from './theme.ts'

export interface RowGroup<Row extends { readonly label: string }> {
  readonly title: string
  readonly rows: readonly Row[]
}

/** A heading, or a row. */
export interface Line<Row> {
  readonly text: string
  readonly row?: Row
}

/** From top to bottom; a line's position on the axis is its index. */
export function linesOf<Row extends { readonly label: string }>(
  groups: readonly RowGroup<Row>[],
): Line<Row>[] {
  return groups.flatMap(({ title, rows }) => [
    { text: title },
    ...rows.map((row) => ({ text: row.label, row })),
  ])
}

/** Options of a linear axis with these lines, headings bold. */
export function lineAxis(lines: readonly Line<unknown>[]) {
  const { font } = axisOptions('').ticks
  return {
    ...axisOptions(''),
    title: { display: false },
    grid: { display: false },
    type: 'linear',
    reverse: true,
    min: -0.6,
    max: lines.length - 0.4,
    afterBuildTicks(axis: { ticks: { value: number }[] }) {
      axis.ticks = lines.map((_, value) => ({ value }))
    },
    ticks: {
      autoSkip: false,
      color: COLOURS.text,
      font: ({ index }: { index: number }) => ({
        family: font.family,
        size: FONT_SIZE.label,
        weight: lines[index]?.row === undefined ? 'bold' : 'normal',
      }),
      callback: (value: number | string) => lines[Number(value)]?.text ?? '',
    },
  }
}
