/** Matrix products as WGSL: by which kernel, of which operands. */
import type { Layer } from '../../model/network.ts'
import type { BatchMatrix, WeightMatrix } from './layout.ts'
import type { Piece, Values } from './shaders.ts'

/**
 * How products are computed: by workgroups that share tiles of so many rows and columns, the larger where
 * that makes enough of them; or, for software adapters, by threads on their own.
 */
export type Kernel = 'tiled64' | 'tiled32' | 'direct'
export const TILE_SIZES: Readonly<Record<Kernel, number>> = { tiled64: 64, tiled32: 32, direct: 32 }
/**
 * Slices of a workgroup, as in shaders/tiled.wgsl: the quickest of those tried on an H200
 * (results/webgpu.md).
 */
const SLICES = { tiled64: 2, tiled32: 4 } as const
/** Workgroups that keep a large GPU busy: with fewer, tiles are made smaller, or sums are split. */
export const ENOUGH_WORKGROUPS = 200
/** Rows times terms of an operand that a workgroup of tiles holds, as in shaders/tiled.wgsl. */
export const DEPTH_VALUES = 2048

/** An operand of a product: WGSL for the first quad of its row `i`, and for a quad from there on. */
export interface Operand {
  readonly base: string
  readonly quad: string
}

export const ROWS: Operand = { base: 'rowsBase(i)', quad: 'rowsQuad(base, quad)' }

export function baseOf({ before, quads }: BatchMatrix, row: string): string {
  return `(step.capacity * ${before}u + ${row} * ${quads}u)`
}

export function batchOperand(matrix: BatchMatrix): Operand {
  return { base: baseOf(matrix, 'i'), quad: 'scratch[base + quad]' }
}

export function weightOperand({ at, quads }: WeightMatrix): Operand {
  return { base: `(${at}u + i * ${quads}u)`, quad: 'parameters[base + quad]' }
}

export interface Product {
  readonly a: Operand
  readonly isADepthFirst: boolean
  readonly b: Operand
  readonly isBDepthFirst: boolean
  /** WGSL for the rows of the result. */
  readonly rows: string
  readonly columns: number
  readonly columnQuads: number
}

export function productPieces(kernel: Kernel, job: string, operandsOf: Product): Piece[] {
  const { a, b, isADepthFirst, isBDepthFirst, rows, columns, columnQuads } = operandsOf
  const operands: Values = {
    JOB: job,
    A_BASE: a.base,
    A_QUAD: a.quad,
    A_DEPTH_FIRST: isADepthFirst,
    B_BASE: b.base,
    B_QUAD: b.quad,
    B_DEPTH_FIRST: isBDepthFirst,
    ROWS: rows,
    COLUMNS: columns,
    COLUMN_QUADS: columnQuads,
  }
  const product: Piece = [kernel === 'direct' ? 'product-direct' : 'product-tiled', { JOB: job, ROWS: rows }]
  return [['operands', operands], product]
}

export function kernelPieces(kernel: Kernel): Piece[] {
  if (kernel === 'direct') return [['direct']]
  const tile: Values = { TILE: TILE_SIZES[kernel], SLICES: SLICES[kernel], DEPTH_VALUES }
  return [['tiled', tile], [kernel === 'tiled64' ? 'sums-64' : 'sums-32']]
}

export function tilesOf(tile: number, rows: number, columns: number): number {
  return Math.ceil(rows / tile) * Math.ceil(columns / tile)
}

/**
 * The kernel for a product.
 *
 * @param wanted of every product, if there is one
 * @param workgroups how many there are with tiles of so many rows and columns
 */
export function kernelFor(wanted: Kernel | undefined, workgroups: (tile: number) => number): Kernel {
  if (wanted) return wanted
  return workgroups(TILE_SIZES.tiled64) >= ENOUGH_WORKGROUPS ? 'tiled64' : 'tiled32'
}

export type RowKind = 'bytes' | 'floats'

/** What reads rows of the training set or of inputs, which the layer takes. */
export function rowsPiece(kind: RowKind, { inputs }: Layer): Piece {
  return [`rows-${kind}`, { INPUTS: inputs }]
}

/** Multiplications and additions of a layer's product, a row. */
export function flopsOf({ inputs, outputs }: Layer): number {
  return 2 * inputs * outputs
}
