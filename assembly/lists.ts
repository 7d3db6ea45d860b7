/**
 * Sparse operands: of a pair of rows (images) the columns in which not both are zero, or of a pair of columns the rows. An entry
 * is the byte offset of the panel row that it meets, and its two values. A product with zero changes no bit of a sum, so the
 * entries are all that is multiplied.
 *
 * Entries are written always and counted only if not zero: no branch to mispredict. The k-th place of a list is written at its
 * k-th entry or before, so a list never grows beyond its own room.
 */
import { ENTRY } from './gemm'
import { unitAt } from './pairing'
import { BLOCK_ROWS, PAIR, PANEL, pieces, ROW } from './plan'

/** Pairs of columns of a panel. */
export const PANEL_PAIRS: i32 = PANEL / PAIR

/** Entries for four columns of two rows (r0, r1), whose panel rows begin at byte `offset`; returns the list's new end. */
function appendColumns4(at: usize, r0: v128, r1: v128, offset: u32): usize {
  const mask = i32x4.bitmask(i32x4.ne(v128.or(r0, r1), i32x4.splat(0)))
  const low = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const high = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  store<u32>(at, offset)
  v128.store64_lane(at, low, 0, 4)
  at += <usize>(mask & 1) * ENTRY
  store<u32>(at, offset + <u32>ROW)
  v128.store64_lane(at, low, 1, 4)
  at += <usize>((mask >> 1) & 1) * ENTRY
  store<u32>(at, offset + 2 * <u32>ROW)
  v128.store64_lane(at, high, 0, 4)
  at += <usize>((mask >> 2) & 1) * ENTRY
  store<u32>(at, offset + 3 * <u32>ROW)
  v128.store64_lane(at, high, 1, 4)
  return at + <usize>(mask >> 3) * ENTRY
}

/** Where the list of one pair of rows keeps the address at which block `block` begins and, behind it, where it ends. */
export function rowMark(marks: u32, pair: i32, paddedColumns: i32, block: i32): usize {
  const blocks = pieces(paddedColumns, BLOCK_ROWS)
  return <usize>marks + ((<usize>(pair * (blocks + 1) + block)) << 2)
}

/**
 * Goes on with the list of pair `pair` of rows by the 40 columns from `column` on; `rows` is the address of the two panel rows, or
 * 0 where they are all zero. Columns come in order, from 0.
 */
export function extendRowList(
  lists: u32,
  marks: u32,
  pair: i32,
  paddedColumns: i32,
  rows: usize,
  column: i32,
): void {
  const mark = rowMark(marks, pair, paddedColumns, column / BLOCK_ROWS)
  if (column === 0) store<u32>(mark, <u32>(<usize>lists + <usize>(pair * paddedColumns) * ENTRY))
  let at: usize = column % BLOCK_ROWS === 0 ? load<u32>(mark) : load<u32>(mark, 4)
  if (rows !== 0) {
    let offset = <u32>column * <u32>ROW
    for (let v: usize = 0; v < ROW; v += 16) {
      at = appendColumns4(at, v128.load(rows + v), v128.load(rows + v + ROW), offset)
      offset += 4 * <u32>ROW
    }
  }
  store<u32>(mark, <u32>at, 4)
}

/** Where the entries of pair `pair` of columns begin that belong to rows from `row0` on, the first row of a segment. */
export function columnEntries(lists: u32, pair: i32, row0: i32, rowCapacity: i32): usize {
  return <usize>lists + <usize>(pair * rowCapacity + row0) * ENTRY
}

/** Where the end of segment `segment` of pair `pair` of columns is kept. */
export function columnEnd(ends: u32, pair: i32, segment: i32, segments: i32): usize {
  return <usize>ends + ((<usize>(pair * segments + segment)) << 2)
}

/**
 * The lists of the first `pairs` pairs of columns of a panel, as `pairing` puts them together (`pairing.ts`), for segment `segment`:
 * `rows` rows from `row0` on.
 */
export function listColumns(
  lists: u32,
  ends: u32,
  panels: u32,
  pairing: usize,
  panel: i32,
  pairs: i32,
  segment: i32,
  segments: i32,
  row0: i32,
  rows: i32,
  rowCapacity: i32,
): void {
  const from = <usize>panels + <usize>(panel * rowCapacity + row0) * ROW
  const firstPair = panel * PANEL_PAIRS
  const offset0 = <u32>row0 * <u32>ROW
  for (let p = 0; p < pairs; p++) {
    let at = columnEntries(lists, firstPair + p, row0, rowCapacity)
    let first = from + ((<usize>unitAt(pairing, panel, 2 * p)) << 2)
    let second = from + ((<usize>unitAt(pairing, panel, 2 * p + 1)) << 2)
    const end = first + <usize>rows * ROW
    for (let offset = offset0; first < end; offset += <u32>ROW) {
      const bits0 = load<u32>(first)
      const bits1 = load<u32>(second)
      store<u32>(at, offset)
      store<u32>(at, bits0, 4)
      store<u32>(at, bits1, 8)
      at += <usize>i32((bits0 | bits1) !== 0) * ENTRY
      first += ROW
      second += ROW
    }
    store<u32>(columnEnd(ends, firstPair + p, segment, segments), <u32>at)
  }
}

/** Pairs of columns of panel `panel` that exist, of `columns` in all. */
export function pairsOfPanel(columns: i32, panel: i32): i32 {
  return min(PANEL_PAIRS, pieces(columns, PAIR) - panel * PANEL_PAIRS)
}
