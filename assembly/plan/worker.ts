/**
 * What a worker has of its own, in the region of memory that the host reserves for it: first what it is at,
 * then its scratch, which every phase uses from the beginning and leaves to the next.
 */
import { LINE } from './sizes'

@unmanaged
export class Worker {
  /** Pieces of each kind in a round, see `schedule.ts`. */
  shards: i32
  gathers: i32
  heads: i32
  lists: i32
  lasts: i32
  /** Rows [row0, row1) of the activation buffers are what phases compute. */
  row0: i32
  row1: i32
  /** In training the step, and which shard of its minibatch the rows are. */
  step: i32
  shard: i32
  /** 1: the column lists of outputs are wanted, for a weight gradient. */
  listsColumns: i32
}

/** Bytes before the scratch. */
export const WORKER_BYTES: usize = LINE

/** Address of the worker's scratch. */
export function scratchOf(worker: Worker): usize {
  return changetype<usize>(worker) + WORKER_BYTES
}
