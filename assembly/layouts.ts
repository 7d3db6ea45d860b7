/**
 * A 4 × 16 tile (rows 64 bytes apart) into each of the layouts that `plan.ts` names. `row` and `column` are the tile's first.
 */
import { PANEL, QUAD } from './plan'

/** Fills `bytes`, a multiple of 64, with zeros: for some tiles quicker than the call that memory.fill is. */
export function clearRows(to: usize, bytes: usize): void {
  const zero = i32x4.splat(0)
  for (const end = to + bytes; to < end; to += 64) {
    v128.store(to, zero)
    v128.store(to, zero, 16)
    v128.store(to, zero, 32)
    v128.store(to, zero, 48)
  }
}

/** Copies a tile or a panel's four rows: 256 bytes. */
export function copyTile(to: usize, from: usize): void {
  for (let i: usize = 0; i < 256; i += 32) {
    const low = v128.load(from + i)
    const high = v128.load(from + i, 16)
    v128.store(to + i, low)
    v128.store(to + i, high, 16)
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

/** The tile's columns 4 v … 4 v + 3 as four transposed quads, `stride` bytes apart, at out. */
export function storeTransposedQuad(out: usize, stride: usize, tile: usize, v: usize): void {
  const from = tile + (v << 4)
  storeTransposed(
    out,
    stride,
    v128.load(from),
    v128.load(from, 64),
    v128.load(from, 128),
    v128.load(from, 192),
  )
}

/** Tile → column quads [column / 4][rows][4]: 64 bytes for each of the tile's four column quads. */
export function storeColumnQuads(columns: usize, tile: usize, row: i32, column: i32, rowCapacity: i32): void {
  for (let v = 0; v < 4; v++) {
    const to = columns + ((<usize>((column / 4 + v) * rowCapacity + row)) << 4)
    const from = tile + ((<usize>v) << 4)
    v128.store(to, v128.load(from))
    v128.store(to, v128.load(from, 64), 16)
    v128.store(to, v128.load(from, 128), 32)
    v128.store(to, v128.load(from, 192), 48)
  }
}

/** Tile → row quads [row / 4][⌈columns⌉][4]: 256 neighbouring bytes. */
export function storeRowQuads(rows: usize, tile: usize, row: i32, column: i32, paddedColumns: i32): void {
  const to = rows + ((<usize>((row / QUAD) * paddedColumns + column)) << 4)
  for (let v: usize = 0; v < 4; v++) storeTransposedQuad(to + (v << 6), 16, tile, v)
}

/**
 * Appends the tile's columns that are not zero in all four rows to the row list of its quad; returns the list's new length.
 * Written always, counted only if not zero: no branch to mispredict.
 */
export function appendToRowList(values: usize, offsets: usize, count: i32, tile: usize, column: i32): i32 {
  let offset = <u32>column * (PANEL * 4)
  for (let v: usize = 0; v < 64; v += 16) {
    const r0 = v128.load(tile + v)
    const r1 = v128.load(tile + v, 64)
    const r2 = v128.load(tile + v, 128)
    const r3 = v128.load(tile + v, 192)
    const any = v128.or(v128.or(r0, r1), v128.or(r2, r3))
    const mask = i32x4.bitmask(i32x4.ne(any, i32x4.splat(0)))
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
    v128.store(values + ((<usize>count) << 4), v128.shuffle<i64>(low01, low23, 0, 2))
    store<u32>(offsets + ((<usize>count) << 2), offset)
    count += mask & 1
    v128.store(values + ((<usize>count) << 4), v128.shuffle<i64>(low01, low23, 1, 3))
    store<u32>(offsets + ((<usize>count) << 2), offset + 64)
    count += (mask >> 1) & 1
    v128.store(values + ((<usize>count) << 4), v128.shuffle<i64>(high01, high23, 0, 2))
    store<u32>(offsets + ((<usize>count) << 2), offset + 128)
    count += (mask >> 2) & 1
    v128.store(values + ((<usize>count) << 4), v128.shuffle<i64>(high01, high23, 1, 3))
    store<u32>(offsets + ((<usize>count) << 2), offset + 192)
    count += mask >> 3
    offset += 256
  }
  return count
}

/** Tile → rows [row][columns], leaving out rows and columns that do not exist. `row` counts from the address. */
export function storeRows(
  rows: usize,
  tile: usize,
  row: i32,
  rowCount: i32,
  column: i32,
  columns: i32,
): void {
  const width = min(PANEL, columns - column)
  for (let r = 0; r < QUAD && row + r < rowCount; r++) {
    const to = rows + ((<usize>(row + r) * <usize>columns + <usize>column) << 2)
    const from = tile + ((<usize>r) << 6)
    if (width === PANEL) {
      v128.store(to, v128.load(from))
      v128.store(to, v128.load(from, 16), 16)
      v128.store(to, v128.load(from, 32), 32)
      v128.store(to, v128.load(from, 48), 48)
    } else {
      for (let c: usize = 0; c < <usize>width; c++) store<f32>(to + (c << 2), load<f32>(from + (c << 2)))
    }
  }
}
