/**
 * Sizes that the kernels and the host share, and how addresses are counted. The build writes the host's twin
 * of every file in this folder, `src/engines/wasm/plan.ts`.
 *
 * Sizes are counted in elements (rows, columns), never in bytes; what counts bytes says so. Addresses are
 * byte addresses.
 */

/** Columns of a panel: one register tile is PAIR × PANEL. */
export const PANEL: i32 = 40
/** Rows of a register tile. */
export const PAIR: i32 = 2
/** Pairs of columns of a panel. */
export const PANEL_PAIRS: i32 = PANEL / PAIR

/** Bytes of a float32. */
export const FLOAT: usize = 4
/** Bytes of a 32-bit whole number or address. */
export const WORD: usize = 4
/** Bytes of a signature or of a float64. */
export const DOUBLE: usize = 8
/** Bytes of a panel's row, and of a pair of them. */
export const ROW: usize = <usize>PANEL * FLOAT
export const PAIR_ROWS: usize = <usize>PAIR * ROW
/** Bytes of a pair of floats, the distance of row pairs. */
export const PAIR_BYTES: usize = <usize>PAIR * FLOAT
/** Bytes of an entry of a list: where the panel's row lies that it meets, and a pair of floats. */
export const ENTRY: usize = WORD + PAIR_BYTES
/** Bytes of a cache line: every region of memory begins on one. */
export const LINE: usize = 64

/**
 * Rows of a panel that stay in the first cache, 32 kB, while every pair of the other operand meets them;
 * whole panels.
 */
export const BLOCK_ROWS: i32 = 5 * PANEL
/** Rows of a panel at a time where all of them are met: 19 kB, so that the other operand has room too. */
export const DENSE_BLOCK_ROWS: i32 = 3 * PANEL
/**
 * Rows of one segment of the inputs' column lists: so much of a panel of deltas, 41 kB, stays in the first
 * cache.
 */
export const SEGMENT_ROWS: i32 = 256
/** Rows of bytes are padded to whole groups of so many: what is converted at a time. */
export const BYTE_GROUP: i32 = 8

/** Partial sums of the loss of a row, and their bytes. */
export const LOSS_LANES: i32 = 8
export const LOSS_ROW: usize = <usize>LOSS_LANES * FLOAT

/** Bits of a row's signature: see `operands/arrange.ts`. */
export const SIGNATURE_BITS: i32 = 64

export function roundUp(n: i32, multiple: i32): i32 {
  return ((n + multiple - 1) / multiple) * multiple
}

/** Pieces of `each` that `total` takes, the last one perhaps smaller. */
export function pieces(total: i32, each: i32): i32 {
  return (total + each - 1) / each
}

/** Columns up to whole panels: ⌈n⌉. */
export function padded(columns: i32): i32 {
  return roundUp(columns, PANEL)
}

/** Bytes of a row of `columns` values that are bytes, padding included. */
export function rowBytesOf(columns: i32): i32 {
  return roundUp(columns, BYTE_GROUP)
}

/** Address of the float, 32-bit word, float64 or signature `index` places after `address`. */
export function floatAt(address: usize, index: i32): usize {
  return address + <usize>index * FLOAT
}
export function wordAt(address: usize, index: i32): usize {
  return address + <usize>index * WORD
}
export function doubleAt(address: usize, index: i32): usize {
  return address + <usize>index * DOUBLE
}

/** Address of the panel row, list entry or row of partial losses `index` places after `address`. */
export function rowAt(address: usize, index: i32): usize {
  return address + <usize>index * ROW
}
export function entryAt(address: usize, index: i32): usize {
  return address + <usize>index * ENTRY
}
export function lossRowAt(address: usize, index: i32): usize {
  return address + <usize>index * LOSS_ROW
}
