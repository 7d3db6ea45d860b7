/**
 * A matrix product in the core's memory, packed as training packs its operands, and the call that computes
 * it.
 */
import type { CoreExports } from '../../src/engines/wasm/core.ts'
import { growMemory } from '../../src/engines/wasm/memory.ts'
import { roundUp } from '../../src/engines/wasm/packing.ts'
import { BLOCK_ROWS, ENTRY, PAIR, PANEL } from '../../src/engines/wasm/plan.ts'
import type { Product } from './products.ts'

/** The core with the exports of assembly/testing.ts. */
export interface BenchCore extends CoreExports {
  gemmPanels(
    wide: number,
    c: number,
    cPanelStride: number,
    cChunkStride: number,
    chunkPairs: number,
    a: number,
    aPairStride: number,
    pairs: number,
    b: number,
    bPanelStride: number,
    columns: number,
    n: number,
  ): void
  spmmPanels(
    wide: number,
    c: number,
    cPanelStride: number,
    cChunkStride: number,
    chunkPairs: number,
    marks: number,
    blocks: number,
    pairs: number,
    b: number,
    bPanelStride: number,
    columns: number,
  ): void
  sddmmPairs(
    wide: number,
    c: number,
    cGroupStride: number,
    marks: number,
    pairs: number,
    a: number,
    b: number,
    terms: number,
    columns: number,
    scratch: number,
  ): void
  sampleScratch(): number
  sampledPairs(): number
  registerOnlyMultiplyAdd(c: number, n: number): void
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

/** Floats of a tile. */
const TILE = PAIR * PANEL
/** Of assembly/kernels/sddmm.ts: LANES, UNITS. */
const DOT_LANES = 8
const DOT_UNITS = 6

/** Copies the operands into memory. */
export function placeProduct(core: BenchCore, arena: Arena, wide: boolean, product: Product): PlacedProduct {
  return product.gate
    ? placeSampled(core, arena, wide, product, product.gate)
    : placeTiled(core, arena, wide, product)
}

/** By tiles over panels of B: dense, or by lists of A. */
function placeTiled(core: BenchCore, arena: Arena, wide: boolean, product: Product): PlacedProduct {
  const { rows, terms, columns, chunkRows, blockTerms } = product
  const pairs = Math.ceil(rows / PAIR)
  const panels = Math.ceil(columns / PANEL)
  const chunkPairs = chunkRows / PAIR
  const capacity = roundUp(terms, PANEL)
  const b = arena.floats(packPanels(product.right, terms, columns, capacity))
  const inPlace = arena.reserve(chunkPairs * TILE * 4)
  const all = arena.reserve(panels * pairs * TILE * 4)
  const usesLists = product.method === 'lists'
  const lists = usesLists ? placeLists(arena, product.left, rows, terms, blockTerms) : undefined
  const a = usesLists ? 0 : arena.floats(packPairs(product, capacity))
  const entries = lists?.entries ?? pairs * terms

  function run(c: number, panelStride: number, chunkStride: number): void {
    if (lists) {
      const { marks, blocks } = lists
      core.spmmPanels(
        Number(wide),
        c,
        panelStride,
        chunkStride,
        chunkPairs,
        marks,
        blocks,
        pairs,
        b,
        capacity * PANEL,
        columns,
      )
    } else {
      core.gemmPanels(
        Number(wide),
        c,
        panelStride,
        chunkStride,
        chunkPairs,
        a,
        capacity * PAIR,
        pairs,
        b,
        capacity * PANEL,
        columns,
        terms,
      )
    }
  }

  return {
    name: nameOf(product),
    product,
    multiplyAdds: entries * PAIR * roundUp(columns, wide ? PANEL : PANEL / 2),
    // The last pair may be of one row only, which is so for none of MNIST's shapes at an even batch.
    usefulMultiplyAdds: Math.min(entries * PAIR, rows * terms) * columns,
    runInPlace: () => run(inPlace, 0, 0),
    compute() {
      const tiles = new Float32Array(arena.memory.buffer, all, panels * pairs * TILE)
      tiles.fill(Number.NaN)
      run(all, pairs * TILE, chunkPairs * TILE)
      return unpackTiles(tiles, product, pairs)
    },
  }
}

/** By dot products of rows of A and B, for what the lists of the gate name. */
function placeSampled(
  core: BenchCore,
  arena: Arena,
  wide: boolean,
  product: Product,
  gate: Float32Array,
): PlacedProduct {
  const { left, right, rows, terms, columns } = product
  const pairs = Math.ceil(rows / PAIR)
  const together = PAIR * core.sampledPairs()
  const width = roundUp(columns, PANEL)
  const transposed = Float32Array.from({ length: terms * columns }, (_, i) => {
    return right[(i % terms) * columns + Math.floor(i / terms)]
  })
  const a = arena.floats(packPanels(left, rows, terms, PAIR * pairs))
  const b = arena.floats(packPanels(transposed, columns, terms, width))
  const inPlace = arena.reserve(together * width * 4)
  const all = arena.reserve(pairs * PAIR * width * 4)
  const scratch = arena.reserve(core.sampleScratch())
  const { marks, entries, blockEntries } = placeLists(arena, gate, rows, columns, BLOCK_ROWS)
  const run = (c: number, groupStride: number) =>
    core.sddmmPairs(Number(wide), c, groupStride, marks, pairs, a, b, terms, width, scratch)
  const dots = blockEntries.reduce((sum, count) => sum + PAIR * roundUp(count, DOT_UNITS), 0)
  return {
    name: nameOf(product),
    product,
    multiplyAdds: dots * roundUp(terms, DOT_LANES),
    usefulMultiplyAdds: Math.min(entries * PAIR, rows * columns) * terms,
    runInPlace: () => run(inPlace, 0),
    compute() {
      const found = new Float32Array(arena.memory.buffer, all, pairs * PAIR * width)
      found.fill(Number.NaN)
      run(all, together * width)
      return Float32Array.from({ length: rows * columns }, (_, i) => {
        return found[Math.floor(i / columns) * width + (i % columns)]
      })
    },
  }
}

function nameOf({ layer, phase }: Product): string {
  return `${layer} ${phase}`
}

// ——— Layouts, as `assembly/plan/structures.ts` names them ———

/** A matrix (rows, columns) as panels [columns / 40][capacity][40], of which `rows` rows are filled. */
function packPanels(values: Float32Array, rows: number, columns: number, capacity: number): Float32Array {
  const packed = new Float32Array(capacity * roundUp(columns, PANEL))
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const panel = Math.floor(column / PANEL)
      packed[(panel * capacity + row) * PANEL + (column % PANEL)] = values[row * columns + column]
    }
  }
  return packed
}

/** A as pairs [rows / 2][capacity][2]. */
function packPairs({ left, rows, terms }: Product, capacity: number): Float32Array {
  const pairs = new Float32Array(Math.ceil(rows / PAIR) * capacity * PAIR)
  for (let row = 0; row < rows; row++) {
    for (let term = 0; term < terms; term++) {
      pairs[(Math.floor(row / PAIR) * capacity + term) * PAIR + (row % PAIR)] = left[row * terms + term]
    }
  }
  return pairs
}

interface PlacedLists {
  /** Address of [rows / 2][blocks + 1] addresses. */
  readonly marks: number
  readonly blocks: number
  /** Entries of all lists, and of each block of each. */
  readonly entries: number
  readonly blockEntries: readonly number[]
}

/**
 * A matrix (rows, terms) as lists of the pairs that are not both zero, in blocks of `blockTerms` terms, as
 * `assembly/operands/lists.ts` has them.
 */
function placeLists(
  arena: Arena,
  values: Float32Array,
  rows: number,
  terms: number,
  blockTerms: number,
): PlacedLists {
  const pairs = Math.ceil(rows / PAIR)
  const blocks = Math.ceil(terms / blockTerms)
  const marks = new Uint32Array(pairs * (blocks + 1))
  const blockEntries: number[] = []
  const words: number[] = []
  const bits = new DataView(new ArrayBuffer(4))
  const append = (value: number) => {
    bits.setFloat32(0, value)
    words.push(bits.getUint32(0))
  }
  for (let pair = 0; pair < pairs; pair++) {
    for (let block = 0; block < blocks; block++) {
      marks[pair * (blocks + 1) + block] = words.length * 4
      const before = words.length
      for (let term = block * blockTerms; term < Math.min(terms, (block + 1) * blockTerms); term++) {
        const first = values[pair * PAIR * terms + term]
        const second = pair * PAIR + 1 < rows ? values[(pair * PAIR + 1) * terms + term] : 0
        if (first === 0 && second === 0) continue
        words.push(term * PANEL * 4)
        append(first)
        append(second)
      }
      blockEntries.push(((words.length - before) * 4) / ENTRY)
    }
    marks[pair * (blocks + 1) + blocks] = words.length * 4
  }
  const lists = arena.words(Uint32Array.from(words))
  return {
    marks: arena.words(marks.map((mark) => lists + mark)),
    blocks,
    entries: (words.length * 4) / ENTRY,
    blockEntries,
  }
}

/** Tiles [columns / 40][rows / 2][2][40] → C (rows, columns). */
function unpackTiles(tiles: Float32Array, { rows, columns }: Product, pairs: number): Float32Array {
  const result = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const tile = Math.floor(column / PANEL) * pairs + Math.floor(row / PAIR)
      result[row * columns + column] = tiles[(tile * PAIR + (row % PAIR)) * PANEL + (column % PANEL)]
    }
  }
  return result
}
