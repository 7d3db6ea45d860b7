/** A matrix product in the core's memory, packed as training packs its operands, and the call that computes it. */
import type { CoreExports } from '../../src/engines/wasm/core.ts'
import { growMemory } from '../../src/engines/wasm/memory-map.ts'
import { roundUp } from '../../src/engines/wasm/packing.ts'
import { PANEL, QUAD } from '../../src/engines/wasm/plan.ts'
import type { Product } from './products.ts'

/** The core with the exports of assembly/bench.ts. */
export interface BenchCore extends CoreExports {
  gemmPanels(
    wide: number,
    c: number,
    cPanelStride: number,
    cQuadStride: number,
    a: number,
    aQuadStride: number,
    quads: number,
    b: number,
    bPanelStride: number,
    panels: number,
    n: number,
  ): void
  spmmPanels(
    wide: number,
    c: number,
    cPanelStride: number,
    cQuadStride: number,
    values: number,
    offsets: number,
    counts: number,
    capacity: number,
    quads: number,
    b: number,
    bPanelStride: number,
    panels: number,
  ): void
  registerOnlyMultiplyAdd12(c: number, n: number): void
}

const LINE_BYTES = 64

/** Hands out neighbouring regions of a memory, each on a cache line of its own; nothing is given back. */
export class Arena {
  readonly memory: WebAssembly.Memory
  #next: number

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory
    this.#next = memory.buffer.byteLength
  }

  /** Address of a new region. */
  reserve(bytes: number): number {
    const address = this.#next
    this.#next = roundUp(address + bytes, LINE_BYTES)
    growMemory(this.memory, this.#next)
    return address
  }

  floats(values: Float32Array): number {
    const address = this.reserve(values.byteLength)
    new Float32Array(this.memory.buffer, address, values.length).set(values)
    return address
  }

  words(values: Uint32Array): number {
    const address = this.reserve(values.byteLength)
    new Uint32Array(this.memory.buffer, address, values.length).set(values)
    return address
  }
}

/** A product whose operands lie in the core's memory, packed as training packs them. */
export interface PlacedProduct {
  readonly name: string
  readonly product: Product
  /** What the kernel does in all, and what of it is part of the product. */
  readonly multiplyAdds: number
  readonly usefulMultiplyAdds: number
  /** All tiles to one place, as in training. */
  runInPlace(): void
  /** C as (rows, columns). */
  compute(): Float32Array
}

/** Copies the operands into memory. */
export function placeProduct(core: BenchCore, arena: Arena, wide: boolean, product: Product): PlacedProduct {
  const { rows, terms, columns, usesLists } = product
  const name = `${product.layer} ${product.phase}`
  const quads = Math.ceil(rows / QUAD)
  const panels = Math.ceil(columns / PANEL)
  const capacity = roundUp(terms, PANEL)
  const tile = QUAD * PANEL
  const b = arena.floats(packPanels(product, capacity))
  const inPlace = arena.reserve(tile * 4)
  const all = arena.reserve(panels * quads * tile * 4)
  const lists = packLists(product, capacity)
  const termsDone = usesLists ? lists.counts.reduce((sum, count) => sum + count, 0) : quads * terms
  const run = usesLists ? placeLists() : placeQuads()

  function placeLists() {
    const values = arena.floats(lists.values)
    const offsets = arena.words(lists.offsets)
    const counts = arena.words(lists.counts)
    return (c: number, panelStride: number, quadStride: number) =>
      core.spmmPanels(
        Number(wide),
        c,
        panelStride,
        quadStride,
        values,
        offsets,
        counts,
        capacity,
        quads,
        b,
        capacity * PANEL,
        panels,
      )
  }

  function placeQuads() {
    const a = arena.floats(packQuads(product, capacity))
    return (c: number, panelStride: number, quadStride: number) =>
      core.gemmPanels(
        Number(wide),
        c,
        panelStride,
        quadStride,
        a,
        capacity * QUAD,
        quads,
        b,
        capacity * PANEL,
        panels,
        terms,
      )
  }

  return {
    name,
    product,
    multiplyAdds: termsDone * panels * tile,
    // The last quad may have fewer rows than 4, which is so for none of MNIST's shapes at a batch that is a multiple of 4.
    usefulMultiplyAdds: Math.min(termsDone * QUAD, rows * terms) * columns,
    runInPlace: () => run(inPlace, 0, 0),
    compute() {
      const tiles = new Float32Array(arena.memory.buffer, all, panels * quads * tile)
      tiles.fill(Number.NaN)
      run(all, quads * tile, tile)
      return unpackTiles(tiles, product, quads)
    },
  }
}

// ——— Layouts, as `assembly/plan.ts` names them ———

/** B as panels [columns / 16][capacity][16]. */
function packPanels({ right, terms, columns }: Product, capacity: number): Float32Array {
  const panels = new Float32Array(Math.ceil(columns / PANEL) * capacity * PANEL)
  for (let term = 0; term < terms; term++) {
    for (let column = 0; column < columns; column++) {
      const panel = Math.floor(column / PANEL)
      panels[(panel * capacity + term) * PANEL + (column % PANEL)] = right[term * columns + column]
    }
  }
  return panels
}

/** A as quads [rows / 4][capacity][4]. */
function packQuads({ left, rows, terms }: Product, capacity: number): Float32Array {
  const quads = new Float32Array(Math.ceil(rows / QUAD) * capacity * QUAD)
  for (let row = 0; row < rows; row++) {
    for (let term = 0; term < terms; term++) {
      quads[(Math.floor(row / QUAD) * capacity + term) * QUAD + (row % QUAD)] = left[row * terms + term]
    }
  }
  return quads
}

/** A as lists of the quads that are not all zero: counts [rows / 4], byte offsets into a panel of B, values. */
function packLists(product: Product, capacity: number) {
  const quads = packQuads(product, capacity)
  const counts = new Uint32Array(Math.ceil(product.rows / QUAD))
  const offsets = new Uint32Array(counts.length * capacity)
  const values = new Float32Array(quads.length)
  for (let quad = 0; quad < counts.length; quad++) {
    for (let term = 0; term < product.terms; term++) {
      const four = quads.subarray((quad * capacity + term) * QUAD, (quad * capacity + term + 1) * QUAD)
      if (four.every((value) => value === 0)) continue
      const at = quad * capacity + counts[quad]
      offsets[at] = term * PANEL * 4
      values.set(four, at * QUAD)
      counts[quad]++
    }
  }
  return { counts, offsets, values }
}

/** Tiles [columns / 16][rows / 4][4][16] → C (rows, columns). */
function unpackTiles(tiles: Float32Array, { rows, columns }: Product, quads: number): Float32Array {
  const result = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const tile = Math.floor(column / PANEL) * quads + Math.floor(row / QUAD)
      result[row * columns + column] = tiles[(tile * QUAD + (row % QUAD)) * PANEL + (column % PANEL)]
    }
  }
  return result
}
