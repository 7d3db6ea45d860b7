/**
 * The control block, by which workers and host meet: 32-bit words that are read and written atomically, as
 * byte offsets from its address. Each has a cache line of its own, so that counting one thing does not slow
 * the reading of another.
 */
import { LINE } from './sizes'

/** Next ticket. */
export const CONTROL_TICKET: usize = 0
/**
 * Pieces done of each kind, over all rounds (`schedule.ts`). A piece of one kind waits for all of its kind of
 * the round before, here or through what it waits for, so that a count of n rounds' pieces means the first n
 * rounds.
 */
export const CONTROL_GATHERED: usize = 1 * LINE
export const CONTROL_LISTED: usize = 2 * LINE
export const CONTROL_SHARDS: usize = 3 * LINE
export const CONTROL_HEAD: usize = 4 * LINE
export const CONTROL_LAST: usize = 5 * LINE
/** Set by the host: give up at once (a worker failed). */
export const CONTROL_ABORT: usize = 6 * LINE
/** Set by the host: finish the step under way. */
export const CONTROL_STOP: usize = 7 * LINE
/** Round at which training ends; steps + 1, or sooner after a stop. */
export const CONTROL_END_ROUND: usize = 8 * LINE
/** Workers asleep, and the word they sleep on. */
export const CONTROL_SLEEPERS: usize = 9 * LINE
export const CONTROL_WAKE: usize = 10 * LINE

/** Bytes of the block. */
export const BYTES_OF_CONTROL: usize = 11 * LINE
