/**
 * Sparse operands: of a pair of rows (images) the columns in which not both are zero, or of a pair of columns
 * the rows. An entry is the byte offset of the panel row that it meets, and its two values. A product with
 * zero changes no bit of a sum, so the entries are all that is multiplied.
 *
 * Entries are written always and counted only if not zero: no branch to mispredict. The k-th place of a list
 * is written at its k-th entry or before, so a list never grows beyond its own room.
 */
import {
  BLOCK_ROWS,
  ENTRY,
  entryAt,
  floatAt,
  PAIR,
  PANEL_PAIRS,
  padded,
  pieces,
  ROW,
  rowAt,
  WORD,
  wordAt,
} from '../plan/sizes'
import { Operand } from '../plan/structures'
import { unitAt } from './pairing'

/**
 * Entries for four columns of two rows (r0, r1), whose panel rows begin at byte `offset`; returns the list's
 * new end.
 */
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

/** Bytes from the marks of a pair of rows to those of the next. */
export function rowMarkBytes(operand: Operand): usize {
  return wordAt(0, pieces(operand.columns, BLOCK_ROWS) + 1)
}

/**
 * Where the row list of pair `pair` keeps the address at which block `block` begins and, in the next word,
 * where it ends.
 */
export function rowMark(operand: Operand, pair: i32, block: i32): usize {
  return wordAt(operand.rowMarks, block) + <usize>pair * rowMarkBytes(operand)
}

/**
 * Goes on with the list of pair `pair` of rows by the 40 columns from `column` on; `rows` is the address of
 * the two panel rows, or 0 where they are all zero. Columns come in order, from 0.
 */
export function extendRowList(operand: Operand, pair: i32, rows: usize, column: i32): void {
  const mark = rowMark(operand, pair, column / BLOCK_ROWS)
  if (column === 0) {
    store<u32>(mark, <u32>entryAt(operand.rowLists, pair * padded(operand.columns)))
  }
  let at: usize = column % BLOCK_ROWS === 0 ? load<u32>(mark) : load<u32>(mark, WORD)
  if (rows !== 0) {
    let offset = <u32>column * <u32>ROW
    for (let v: usize = 0; v < ROW; v += 16) {
      at = appendColumns4(at, v128.load(rows + v), v128.load(rows + v + ROW), offset)
      offset += 4 * <u32>ROW
    }
  }
  store<u32>(mark, <u32>at, WORD)
}

/**
 * Where the entries of the pairs of panel `panel` of columns begin that belong to rows from `row0` on, the
 * first row of a segment: one pair's after the other's, as they are read.
 */
export function columnEntries(operand: Operand, panel: i32, row0: i32): usize {
  return entryAt(operand.columnLists, PANEL_PAIRS * (panel * operand.rowCapacity + row0))
}

/** Where the ends of those entries are kept, one word for each pair; `segment`: which one it is. */
export function columnEnds(operand: Operand, panel: i32, segment: i32): usize {
  return wordAt(operand.columnEnds, PANEL_PAIRS * (panel * operand.segments + segment))
}

/**
 * The column lists of panel `panel` for one segment, `rows` rows from `row0` on, of the pairs that `pairing`
 * makes (`pairing.ts`).
 */
export function listColumns(
  operand: Operand,
  pairing: usize,
  panel: i32,
  segment: i32,
  row0: i32,
  rows: i32,
): void {
  const from = rowAt(operand.panels, panel * operand.rowCapacity + row0)
  const pairs = pairsOfPanel(operand.columns, panel)
  const ends = columnEnds(operand, panel, segment)
  const offset0 = <u32>row0 * <u32>ROW
  let at = columnEntries(operand, panel, row0)
  for (let p = 0; p < pairs; p++) {
    let first = floatAt(from, unitAt(pairing, panel, PAIR * p))
    let second = floatAt(from, unitAt(pairing, panel, PAIR * p + 1))
    const end = rowAt(first, rows)
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
    store<u32>(wordAt(ends, p), <u32>at)
  }
}

/** Pairs of columns of panel `panel` that exist, of `columns` in all. */
export function pairsOfPanel(columns: i32, panel: i32): i32 {
  return min(PANEL_PAIRS, pieces(columns, PAIR) - panel * PANEL_PAIRS)
}
