/**
 * Who does what, and when. All workers run the same function; each takes the next ticket from one atomic
 * counter until none is left. A ticket names a piece of one step. Tickets are taken in order and a ticket
 * waits only for work of earlier tickets, so someone is always working on what is waited for: there is no
 * barrier, and any number of workers, one included, gets through.
 *
 * Round r ≥ 1 is step s = firstStep + r − 1; round 0 has only the gathering for the first step. Its tickets,
 * in order:
 *
 *   kind    piece                       what it does                    waits for all of
 *   SHARD   a range of rows of s        forward, loss, backward of δ    GATHER, SHARD, HEAD of r − 1; LAST of
 *                                                                       r − 1 before the last layer's inputs
 *   GATHER  32 rows of s + 1            operands of the first layer,    SHARD, HEAD, GATHER of r − 1 (¹)
 *                                       by rows
 *   LIST    3 panels of inputs of       lists of the first layer,       GATHER of r; LIST of r − 1
 *           s + 1                       by columns
 *   HEAD    a panel of a layer but the  weight gradient and Adam        SHARD of r; LIST of r − 1
 *           last, in s
 *   LAST    a panel of the last layer,  weight gradient and Adam; with  SHARD of r (²)
 *           in s                        the first one the batch loss
 *
 *   Where the last layer is the first: (¹) LAST of r − 1 too, (²) LIST of r − 1 too.
 *
 * Each kind counts its pieces done in a control word of its own. GATHER and LIST of round r are for step
 * s + 1, so that round r needs those of r − 1. The minibatch of s + 1 takes the buffer of s − 1, whose
 * readers are what GATHER waits for. Gathering and listing stand where workers would otherwise wait for the
 * slowest shard, the last layer's update where they would wait for the first layers'.
 *
 * What is computed does not depend on who computes it: every sum has one owner and one order. So the same
 * seed gives the same bits with any number of workers.
 */
import { gatherTrainingPair, listInputs } from './operands/gather'
import { backwardInput } from './phases/backward'
import { forwardHidden } from './phases/forward'
import { inferRows } from './phases/infer'
import { batchLoss, forwardLoss } from './phases/loss'
import { updatePanel } from './phases/update'
import {
  CONTROL_ABORT,
  CONTROL_END_ROUND,
  CONTROL_GATHERED,
  CONTROL_HEAD,
  CONTROL_LAST,
  CONTROL_LISTED,
  CONTROL_SHARDS,
  CONTROL_SLEEPERS,
  CONTROL_STOP,
  CONTROL_TICKET,
  CONTROL_WAKE,
} from './plan/control'
import { doubleAt, PAIR, PANEL, pieces, roundUp } from './plan/sizes'
import { batchAt, Job, layerAt, rowsOfStep } from './plan/structures'
import { scratchOf, Worker } from './plan/worker'

/** Panels of inputs of one LIST ticket. */
const LIST_PANELS: i32 = 3
/** Rows of one GATHER ticket. */
const GATHER_ROWS: i32 = 32
/** A sleeping worker looks again after this time, in case the host gave up without a wake. */
const SLEEP_NANOSECONDS: i64 = 20_000_000

// ——— The control block ———

function read(job: Job, word: usize): i32 {
  return atomic.load<i32>(<usize>job.control + word)
}

/** Counts one piece as done and wakes those who sleep. */
function done(job: Job, word: usize): void {
  atomic.add<i32>(<usize>job.control + word, 1)
  if (read(job, CONTROL_SLEEPERS) > 0) {
    atomic.add<i32>(<usize>job.control + CONTROL_WAKE, 1)
    atomic.notify(<usize>job.control + CONTROL_WAKE, -1)
  }
}

/**
 * Whether to go on with a piece of `round` once `word` has reached `target`; false when the job ends before
 * it will.
 */
function reached(job: Job, word: usize, target: i32, round: i32): bool {
  let looks = 0
  while (read(job, word) < target) {
    if (ended(job, round)) return false
    if (++looks > job.spins) sleep(job, word, target)
  }
  return !ended(job, round)
}

function ended(job: Job, round: i32): bool {
  return read(job, CONTROL_ABORT) !== 0 || round >= read(job, CONTROL_END_ROUND)
}

/**
 * Sleeps until something is done. The order (announce, look again, sleep on the value seen before) loses no
 * wake.
 */
function sleep(job: Job, word: usize, target: i32): void {
  atomic.add<i32>(<usize>job.control + CONTROL_SLEEPERS, 1)
  const seen = read(job, CONTROL_WAKE)
  if (read(job, word) < target) {
    atomic.wait<i32>(<usize>job.control + CONTROL_WAKE, seen, SLEEP_NANOSECONDS)
  }
  atomic.sub<i32>(<usize>job.control + CONTROL_SLEEPERS, 1)
}

// ——— Training ———

function panels(job: Job, index: i32): i32 {
  return pieces(layerAt(job, index).outputs, PANEL)
}

/** The pieces of each kind in a round. */
function countPieces(job: Job, worker: Worker): void {
  const lastLayer = job.layerCount - 1
  worker.shards = job.shards
  worker.gathers = pieces(job.batchSize, GATHER_ROWS)
  worker.heads = 0
  for (let index = job.frozenLayers; index < lastLayer; index++) worker.heads += panels(job, index)
  worker.lists = pieces(pieces(layerAt(job, 0).inputs, PANEL), LIST_PANELS)
  // A frozen last layer still leaves one piece: the loss.
  worker.lasts = job.frozenLayers > lastLayer ? 1 : panels(job, lastLayer)
}

/** Trains job.steps steps together with every other worker that calls this. */
export function trainSteps(job: Job, worker: Worker): void {
  countPieces(job, worker)
  const shards = worker.shards
  const gathers = worker.gathers
  const heads = worker.heads
  const lists = worker.lists
  const perRound = shards + gathers + heads + lists + worker.lasts
  while (true) {
    const ticket = atomic.add<i32>(<usize>job.control + CONTROL_TICKET, 1)
    const round = ticket / perRound
    if (round > job.steps || ended(job, round)) return
    let piece = ticket % perRound
    let goesOn: bool
    if (piece < shards) {
      goesOn = round === 0 || runShard(job, worker, round, piece)
    } else if ((piece -= shards) < gathers) {
      goesOn = runGather(job, worker, round, piece)
    } else if ((piece -= gathers) < lists) {
      goesOn = runList(job, worker, round, piece)
    } else if ((piece -= lists) < heads) {
      goesOn = round === 0 || runHead(job, worker, round, piece)
    } else {
      goesOn = round === 0 || runLast(job, worker, round, piece - heads)
    }
    if (!goesOn) return
  }
}

/** Each of these waits, does one piece and counts it; false when the job ends before. */
function runShard(job: Job, worker: Worker, round: i32, shard: i32): bool {
  if (!reached(job, CONTROL_GATHERED, round * worker.gathers, round)) return false
  if (!reached(job, CONTROL_SHARDS, (round - 1) * worker.shards, round)) return false
  if (!reached(job, CONTROL_HEAD, (round - 1) * worker.heads, round)) return false
  const step = job.firstStep + round - 1
  const batch = batchAt(job, step)
  const lastLayer = job.layerCount - 1
  worker.step = step
  worker.shard = shard
  worker.row0 = shard * job.shardRows
  worker.row1 = min(worker.row0 + job.shardRows, roundUp(rowsOfStep(job, step), PAIR))
  for (let index = 0; index < lastLayer; index++) {
    // The last layer's update of the step before still reads the activations that its input layer is about to
    // replace.
    if (index === lastLayer - 1 && !afterLast(job, worker, round)) return false
    worker.listsColumns = i32(job.frozenLayers <= index + 1)
    forwardHidden(job, batch, index, worker)
  }
  if (lastLayer === 0 && !afterLast(job, worker, round)) return false
  if (worker.row0 < worker.row1) {
    forwardLoss(job, batch, worker)
    for (let index = lastLayer; index > max(job.frozenLayers, 0); index--) backwardInput(job, index, worker)
  }
  done(job, CONTROL_SHARDS)
  return true
}

/** Waits for the last layer's update of the round before. */
function afterLast(job: Job, worker: Worker, round: i32): bool {
  return reached(job, CONTROL_LAST, (round - 1) * worker.lasts, round)
}

function runGather(job: Job, worker: Worker, round: i32, piece: i32): bool {
  if (!reached(job, CONTROL_SHARDS, (round - 1) * worker.shards, round)) return false
  if (!reached(job, CONTROL_HEAD, (round - 1) * worker.heads, round)) return false
  if (job.layerCount === 1 && !afterLast(job, worker, round)) return false
  if (!reached(job, CONTROL_GATHERED, round * worker.gathers, round)) return false
  if (piece === 0 && read(job, CONTROL_STOP) !== 0) {
    atomic.store<i32>(<usize>job.control + CONTROL_END_ROUND, round + 1)
  }
  if (round < job.steps) {
    const step = job.firstStep + round
    const rows = rowsOfStep(job, step)
    const row0 = piece * GATHER_ROWS
    const row1 = min(row0 + GATHER_ROWS, rows)
    for (let row = row0; row < row1; row += PAIR) {
      gatherTrainingPair(job, batchAt(job, step), scratchOf(worker), step * job.batchSize, row, rows)
    }
  }
  done(job, CONTROL_GATHERED)
  return true
}

/** One panel of the layers before the last, counted through all of them. */
function runHead(job: Job, worker: Worker, round: i32, piece: i32): bool {
  if (!reached(job, CONTROL_SHARDS, round * worker.shards, round)) return false
  if (!reached(job, CONTROL_LISTED, round * worker.lists, round)) return false
  let index = job.frozenLayers
  let panel = piece
  while (panel >= panels(job, index)) {
    panel -= panels(job, index)
    index++
  }
  const step = job.firstStep + round - 1
  updatePanel(job, batchAt(job, step), index, panel, step, worker)
  done(job, CONTROL_HEAD)
  return true
}

function runList(job: Job, worker: Worker, round: i32, piece: i32): bool {
  if (!reached(job, CONTROL_GATHERED, (round + 1) * worker.gathers, round)) return false
  if (!reached(job, CONTROL_LISTED, round * worker.lists, round)) return false
  if (round < job.steps) {
    const step = job.firstStep + round
    const rows = roundUp(rowsOfStep(job, step), PAIR)
    const panel1 = min((piece + 1) * LIST_PANELS, pieces(layerAt(job, 0).inputs, PANEL))
    for (let panel = piece * LIST_PANELS; panel < panel1; panel++) {
      listInputs(batchAt(job, step), panel, rows)
    }
  }
  done(job, CONTROL_LISTED)
  return true
}

function runLast(job: Job, worker: Worker, round: i32, panel: i32): bool {
  if (!reached(job, CONTROL_SHARDS, round * worker.shards, round)) return false
  // A last layer that is the first one as well reads the lists of inputs by columns.
  if (job.layerCount === 1 && !reached(job, CONTROL_LISTED, round * worker.lists, round)) return false
  const step = job.firstStep + round - 1
  if (panel === 0) {
    const loss = batchLoss(job, step)
    store<f64>(doubleAt(job.batchLosses, round - 1), loss)
    // A loss that is no number cannot be mended by more steps.
    if (!isFinite<f64>(loss)) atomic.store<i32>(<usize>job.control + CONTROL_STOP, 1)
  }
  const index = job.layerCount - 1
  if (job.frozenLayers <= index) updatePanel(job, batchAt(job, step), index, panel, step, worker)
  done(job, CONTROL_LAST)
  return true
}

// ——— Inference ———

/**
 * Runs an inference job together with every other worker; `slice` numbers this one's part of the activation
 * buffers.
 */
export function inferSteps(job: Job, worker: Worker, slice: i32): void {
  const chunks = pieces(job.rowCount, job.sliceRows)
  while (read(job, CONTROL_ABORT) === 0) {
    const chunk = atomic.add<i32>(<usize>job.control + CONTROL_TICKET, 1)
    if (chunk >= chunks) return
    inferRows(job, worker, chunk * job.sliceRows, slice * job.sliceRows)
  }
}
