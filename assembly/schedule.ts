/**
 * Who does what, and when. All workers run the same function; each takes the next ticket from one atomic counter until none is
 * left. A ticket names a piece of one step. Tickets are taken in order and a ticket waits only for work of earlier tickets, so
 * someone is always working on what is waited for: there is no barrier, and any number of workers, one included, gets through.
 *
 * Tickets of step s, in order:
 *
 *   shards    forward, loss and backward of δ for a range of rows
 *   gather    rows of the minibatch of step s + 1: bytes to floats, and lists of non-zero inputs by pair of rows
 *   head      panels of every layer but the last: weight gradient and Adam
 *   lists     lists of non-zero inputs of step s + 1 by pair of columns
 *   last      panels of the last layer: weight gradient and Adam
 *
 * The gathering stands where workers would otherwise wait for the slowest shard, the last layer's update where they would wait
 * for the first layers'. Round 0 has only gather and lists, for the first step; round r ≥ 1 is step firstStep + r − 1.
 *
 * What is computed does not depend on who computes it: every sum has one owner and one order. So the same seed gives the same
 * bits with any number of workers.
 */
import { forwardHidden, NO_SHARD } from './forward'
import { gatherTrainingPair, listInputs } from './gather'
import { inferRows } from './infer'
import { batchAt, Job, layerAt, PAIR, PANEL, pieces, roundUp, rowsOfStep } from './plan'
import { backwardInput, batchLoss, forwardLoss, updatePanel } from './step'

// Control words: 32-bit, each on its own cache line so that counting one thing does not slow the reading of another.
const LINE: usize = 64
/** Next ticket. */
const TICKET: usize = 0
/**
 * Pieces done, over all rounds. A piece of one kind waits for all of its kind of the round before (here or through what it waits
 * for), so that a count of n rounds' pieces means the first n rounds.
 */
const GATHERED: usize = LINE
const LISTED: usize = 2 * LINE
const SHARDS: usize = 3 * LINE
const HEAD: usize = 4 * LINE
const LAST: usize = 5 * LINE
/** Set by the host: give up at once (a worker failed). */
const ABORT: usize = 6 * LINE
/** Set by the host: finish the step under way. */
const STOP: usize = 7 * LINE
/** Round at which training ends; steps + 1, or sooner after STOP. */
const END_ROUND: usize = 8 * LINE
/** Workers asleep, and the word they sleep on. */
const SLEEPERS: usize = 9 * LINE
const WAKE: usize = 10 * LINE

/** Panels of inputs of one `lists` ticket. */
const LIST_PANELS: i32 = 3
/** Rows of one `gather` ticket. */
const GATHER_ROWS: i32 = 32
/** A sleeping worker looks again after this time, in case the host gave up without a wake. */
const SLEEP_NANOSECONDS: i64 = 20_000_000

function read(job: Job, word: usize): i32 {
  return atomic.load<i32>(<usize>job.control + word)
}

/** Counts one piece as done and wakes those who sleep. */
function done(job: Job, word: usize): void {
  atomic.add<i32>(<usize>job.control + word, 1)
  if (read(job, SLEEPERS) > 0) {
    atomic.add<i32>(<usize>job.control + WAKE, 1)
    atomic.notify(<usize>job.control + WAKE, -1)
  }
}

/** Whether to go on with a piece of `round` once `word` has reached `target`; false when the job ends before it will. */
function reached(job: Job, word: usize, target: i32, round: i32): bool {
  let looks = 0
  while (read(job, word) < target) {
    if (ended(job, round)) return false
    if (++looks > job.spins) sleep(job, word, target)
  }
  return !ended(job, round)
}

function ended(job: Job, round: i32): bool {
  return read(job, ABORT) !== 0 || round >= read(job, END_ROUND)
}

/** Sleeps until something is done. The order (announce, look again, sleep on the value seen before) loses no wake. */
function sleep(job: Job, word: usize, target: i32): void {
  atomic.add<i32>(<usize>job.control + SLEEPERS, 1)
  const seen = read(job, WAKE)
  if (read(job, word) < target) atomic.wait<i32>(<usize>job.control + WAKE, seen, SLEEP_NANOSECONDS)
  atomic.sub<i32>(<usize>job.control + SLEEPERS, 1)
}

function panels(job: Job, index: i32): i32 {
  return pieces(layerAt(job, index).outputs, PANEL)
}

/** Trains job.steps steps together with every other worker that calls this. `tile` is this worker's own scratch. */
export function trainSteps(job: Job, tile: usize): void {
  const lastLayer = job.layerCount - 1
  const shards = job.shards
  const gathers = pieces(job.batchSize, GATHER_ROWS)
  const inputPanels = pieces(layerAt(job, 0).inputs, PANEL)
  const lists = pieces(inputPanels, LIST_PANELS)
  let heads = 0
  for (let index = job.frozenLayers; index < lastLayer; index++) heads += panels(job, index)
  // A frozen last layer still leaves one piece: the loss.
  const lasts = job.frozenLayers > lastLayer ? 1 : panels(job, lastLayer)
  const perRound = shards + gathers + heads + lists + lasts
  while (true) {
    const ticket = atomic.add<i32>(<usize>job.control + TICKET, 1)
    const round = ticket / perRound
    if (round > job.steps || ended(job, round)) return
    let piece = ticket % perRound
    const step = job.firstStep + round - 1
    if (piece < shards) {
      if (round > 0 && !runShard(job, tile, round, piece, shards, gathers, heads, lasts)) return
      continue
    }
    piece -= shards
    if (piece < gathers) {
      // The minibatch takes the buffer of two steps before, whose readers must be through.
      if (!reached(job, SHARDS, (round - 1) * shards, round)) return
      if (!reached(job, HEAD, (round - 1) * heads, round)) return
      if (lastLayer === 0 && !reached(job, LAST, (round - 1) * lasts, round)) return
      if (!reached(job, GATHERED, round * gathers, round)) return
      if (piece === 0 && read(job, STOP) !== 0) atomic.store<i32>(<usize>job.control + END_ROUND, round + 1)
      if (round < job.steps) runGather(job, tile, step + 1, piece)
      done(job, GATHERED)
      continue
    }
    piece -= gathers
    if (piece < heads) {
      if (round > 0 && !runHead(job, tile, round, step, piece, shards, lists)) return
      continue
    }
    piece -= heads
    if (piece < lists) {
      if (!reached(job, GATHERED, (round + 1) * gathers, round)) return
      if (!reached(job, LISTED, round * lists, round)) return
      if (round < job.steps) runLists(job, step + 1, piece, inputPanels)
      done(job, LISTED)
      continue
    }
    piece -= lists
    if (round > 0 && !runLast(job, tile, round, step, piece, shards, lists)) return
  }
}

/** Forward, loss and backward of δ for the rows of one shard. */
function runShard(
  job: Job,
  tile: usize,
  round: i32,
  shard: i32,
  shards: i32,
  gathers: i32,
  heads: i32,
  lasts: i32,
): bool {
  const step = job.firstStep + round - 1
  if (!reached(job, GATHERED, round * gathers, round)) return false
  if (!reached(job, SHARDS, (round - 1) * shards, round)) return false
  if (!reached(job, HEAD, (round - 1) * heads, round)) return false
  const batch = batchAt(job, step)
  const lastLayer = job.layerCount - 1
  const row0 = shard * job.shardRows
  const row1 = min(row0 + job.shardRows, roundUp(rowsOfStep(job, step), PAIR))
  for (let index = 0; index < lastLayer; index++) {
    // The last layer's update of the step before still reads the activations that its input layer is about to replace.
    if (index === lastLayer - 1 && !reached(job, LAST, (round - 1) * lasts, round)) return false
    const listed = job.frozenLayers <= index + 1 ? shard : NO_SHARD
    forwardHidden(job, batch, index, tile, row0, row1, step, listed)
  }
  if (lastLayer === 0 && !reached(job, LAST, (round - 1) * lasts, round)) return false
  if (row0 < row1) {
    forwardLoss(job, batch, step, tile, row0, row1)
    for (let index = lastLayer; index > max(job.frozenLayers, 0) && index > 0; index--)
      backwardInput(job, index, tile, row0, row1)
  }
  done(job, SHARDS)
  return true
}

function runGather(job: Job, tile: usize, step: i32, piece: i32): void {
  const rows = rowsOfStep(job, step)
  const row0 = piece * GATHER_ROWS
  const row1 = min(row0 + GATHER_ROWS, rows)
  for (let row = row0; row < row1; row += PAIR) {
    gatherTrainingPair(job, batchAt(job, step), tile, step * job.batchSize, row, rows)
  }
}

function runLists(job: Job, step: i32, piece: i32, inputPanels: i32): void {
  const rows = roundUp(rowsOfStep(job, step), PAIR)
  const panel1 = min((piece + 1) * LIST_PANELS, inputPanels)
  for (let panel = piece * LIST_PANELS; panel < panel1; panel++) listInputs(batchAt(job, step), panel, rows)
}

/** One panel of the layers before the last, counted through all of them. */
function runHead(job: Job, tile: usize, round: i32, step: i32, piece: i32, shards: i32, lists: i32): bool {
  if (!reached(job, SHARDS, round * shards, round)) return false
  if (!reached(job, LISTED, round * lists, round)) return false
  let index = job.frozenLayers
  let panel = piece
  while (panel >= panels(job, index)) {
    panel -= panels(job, index)
    index++
  }
  updatePanel(job, batchAt(job, step), index, step, tile, panel)
  done(job, HEAD)
  return true
}

function runLast(job: Job, tile: usize, round: i32, step: i32, panel: i32, shards: i32, lists: i32): bool {
  if (!reached(job, SHARDS, round * shards, round)) return false
  // A last layer that is the first one as well reads the lists by pair of pixels.
  if (job.layerCount === 1 && !reached(job, LISTED, round * lists, round)) return false
  if (panel === 0) {
    const loss = batchLoss(job, step)
    store<f64>(<usize>job.batchLosses + ((<usize>(round - 1)) << 3), loss)
    // A loss that is no number cannot be mended by more steps.
    if (!isFinite<f64>(loss)) atomic.store<i32>(<usize>job.control + STOP, 1)
  }
  if (job.frozenLayers < job.layerCount)
    updatePanel(job, batchAt(job, step), job.layerCount - 1, step, tile, panel)
  done(job, LAST)
  return true
}

/** Runs an inference job together with every other worker; `worker` numbers the slice of the activation buffers. */
export function inferSteps(job: Job, tile: usize, worker: i32): void {
  const chunks = pieces(job.rowCount, job.sliceRows)
  while (read(job, ABORT) === 0) {
    const chunk = atomic.add<i32>(<usize>job.control + TICKET, 1)
    if (chunk >= chunks) return
    inferRows(job, tile, chunk * job.sliceRows, worker * job.sliceRows)
  }
}
