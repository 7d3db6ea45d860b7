/**
 * The order of rows within a minibatch is free: it changes the order of a few sums, nothing else. So rows
 * that are alike are put side by side: two that share a pair have more zeros in common, among their values
 * and among the hidden units that they leave at zero, and what both leave at zero is never multiplied. On
 * MNIST it takes the (pixel, pair of images) that are not zero from 30 % to 25 %, and those of a trained
 * decoder's hidden units from 73 % to 65 %.
 */
import { ROWS_BYTES } from '../plan/codes'
import {
  DOUBLE,
  doubleAt,
  floatAt,
  PAIR,
  pieces,
  rowBytesOf,
  SIGNATURE_BITS,
  WORD,
  wordAt,
} from '../plan/sizes'

/** Columns that a run is made of: of bytes they are one word. */
const RUN_COLUMNS: i32 = 4
/** Pairs from one to the next that `spreadPairs` takes. */
const SPREAD: i32 = 8
/** Rows among which likeness is sought at once: the search grows with the square. */
const WINDOW: i32 = 256

/** Bytes of the signatures of a window. */
export const ARRANGE_SCRATCH: usize = <usize>WINDOW * DOUBLE

/**
 * Signatures of `count` rows of `columns` values, bytes or floats as `rowKind` says, `rowBytes` apart:
 * (count) 64-bit words, of which bit b is set if the b-th of 64 equal runs of columns is not all zero. Of the
 * same values they are the same, whichever kind they are of.
 */
export function signRows(
  signatures: usize,
  rows: usize,
  count: i32,
  rowKind: i32,
  columns: i32,
  rowBytes: i32,
): void {
  const words = pieces(rowBytesOf(columns), RUN_COLUMNS)
  for (let row = 0; row < count; row++) {
    let signature: u64 = 0
    let column = 0
    for (let bit = 0; bit < SIGNATURE_BITS; bit++) {
      const end = RUN_COLUMNS * pieces((bit + 1) * words, SIGNATURE_BITS)
      let any: u32 = 0
      if (rowKind === ROWS_BYTES) {
        for (; column < end; column += RUN_COLUMNS) any |= load<u32>(rows + <usize>column)
      } else {
        for (const last = min(end, columns); column < last; column++) any |= load<u32>(floatAt(rows, column))
      }
      signature |= u64(any !== 0) << bit
    }
    store<u64>(doubleAt(signatures, row), signature)
    rows += <usize>rowBytes
  }
}

/**
 * Rearranges order[count] within each minibatch of `batchSize`, in windows. `scratch` holds ARRANGE_SCRATCH
 * bytes.
 */
export function arrangeBatches(
  order: usize,
  count: i32,
  batchSize: i32,
  signatures: usize,
  scratch: usize,
): void {
  for (let batch = 0; batch < count; batch += batchSize) {
    const end = min(batch + batchSize, count)
    for (let first = batch; first < end; first += WINDOW) {
      arrangeWindow(wordAt(order, first), min(WINDOW, end - first), signatures, scratch)
    }
  }
}

function arrangeWindow(order: usize, count: i32, signatures: usize, held: usize): void {
  for (let i = 0; i < count; i++) {
    const row = load<i32>(wordAt(order, i))
    store<u64>(doubleAt(held, i), load<u64>(doubleAt(signatures, row)))
  }
  pairAlike(order, held, count)
  spreadPairs(order, held, count)
}

/**
 * The search leaves the pairs that are least alike to the end, and with them the most work. Takes every
 * eighth pair, then their neighbours, and so on, so that all shards of a minibatch have their share. `held`
 * has room for `count` words.
 */
function spreadPairs(order: usize, held: usize, count: i32): void {
  memory.copy(held, order, wordAt(0, count))
  const pairs = count / PAIR
  for (let first = 0; first < SPREAD; first++) {
    for (let pair = first; pair < pairs; pair += SPREAD) {
      store<u64>(order, load<u64>(wordAt(held, PAIR * pair)))
      order += <usize>PAIR * WORD
    }
  }
}

/**
 * Rearranges order[count] (32-bit) and the 64-bit signatures held[count] of what stands there, so that places
 * 0 and 1, 2 and 3 … are alike. Greedy: each pair begins with the first one left and takes the one whose
 * signature differs from its in fewest bits.
 */
export function pairAlike(order: usize, held: usize, count: i32): void {
  for (let place = 1; place < count; place += PAIR) {
    const first = load<u64>(doubleAt(held, place - 1))
    let best = place
    let fewest: u64 = SIGNATURE_BITS + 1
    for (let i = place; i < count; i++) {
      const differing = popcnt(load<u64>(doubleAt(held, i)) ^ first)
      if (differing < fewest) {
        fewest = differing
        best = i
      }
    }
    swap(order, held, place, best)
  }
}

function swap(order: usize, held: usize, i: i32, j: i32): void {
  const index = load<u32>(wordAt(order, i))
  store<u32>(wordAt(order, i), load<u32>(wordAt(order, j)))
  store<u32>(wordAt(order, j), index)
  const signature = load<u64>(doubleAt(held, i))
  store<u64>(doubleAt(held, i), load<u64>(doubleAt(held, j)))
  store<u64>(doubleAt(held, j), signature)
}
