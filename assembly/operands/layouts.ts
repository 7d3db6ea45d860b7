/** Rows of a panel, and how they get into the other layouts that `plan/structures.ts` names. */
import { FLOAT, floatAt, PANEL, ROW } from '../plan/sizes'

/** Address of row `row` in the panel of column `column`, in panels [column / 40][B][40]. */
export function panelAt(panels: u32, row: i32, column: i32, rowCapacity: i32): usize {
  return <usize>panels + <usize>((column / PANEL) * rowCapacity + row) * ROW
}

/** Fills `bytes`, a multiple of 64, with zeros: for some tiles quicker than the call that memory.fill is. */
export function clearRows(to: usize, bytes: usize): void {
  const zero = i32x4.splat(0)
  for (const end = to + bytes; to < end; to += 64) {
    v128.store(to, zero, 16)
    v128.store(to, zero)
    v128.store(to, zero, 48)
    v128.store(to, zero, 32)
  }
}

/** Copies `bytes`, a multiple of 32. */
export function copyRows(to: usize, from: usize, bytes: usize): void {
  for (const end = from + bytes; from < end; from += 32) {
    const low = v128.load(from)
    const high = v128.load(from, 16)
    v128.store(to, high, 16)
    v128.store(to, low)
    to += 32
  }
}

/** Two rows of a panel → their row pairs [40][2]: neighbouring bytes. */
export function storeRowPairs(to: usize, rows: usize): void {
  for (let v: usize = 0; v < ROW; v += 16) {
    const r0 = v128.load(rows + v)
    const r1 = v128.load(rows + v, ROW)
    const low = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
    const high = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
    v128.store(to, high, 16)
    v128.store(to, low)
    to += 32
  }
}

/** Stores the columns of the 4 × 4 block whose rows are r0 … r3, each 16 bytes, `stride` bytes apart. */
export function storeTransposed(out: usize, stride: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(out, v128.shuffle<i64>(low01, low23, 0, 2))
  v128.store(out + stride, v128.shuffle<i64>(low01, low23, 1, 3))
  v128.store(out + 2 * stride, v128.shuffle<i64>(high01, high23, 0, 2))
  v128.store(out + 3 * stride, v128.shuffle<i64>(high01, high23, 1, 3))
}

/** A 40 × 40 block (rows of a panel) → its transpose, likewise. */
export function storeTransposedBlock(to: usize, from: usize): void {
  for (let row = 0; row < PANEL; row += 4) {
    let out = floatAt(to, row)
    for (const end = from + ROW; from < end; from += 16) {
      storeTransposed(
        out,
        ROW,
        v128.load(from),
        v128.load(from, ROW),
        v128.load(from, 2 * ROW),
        v128.load(from, 3 * ROW),
      )
      out += 4 * ROW
    }
    from += 3 * ROW
  }
}

/** Rows of a panel, from `column` on, → rows [row][columns]; columns that do not exist are left out. */
export function storeRows(
  rows: usize,
  from: usize,
  row: i32,
  rowCount: i32,
  column: i32,
  columns: i32,
): void {
  const bytes = floatAt(0, min(PANEL, columns - column))
  for (let r = 0; r < rowCount; r++) {
    memory.copy(rows + (<usize>(row + r) * <usize>columns + <usize>column) * FLOAT, from, bytes)
    from += ROW
  }
}
