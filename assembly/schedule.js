"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.trainSteps = trainSteps;
exports.inferSteps = inferSteps;
/**
 * Who does what, and when. All workers run the same function; each takes the next ticket from one atomic counter until none is
 * left. A ticket names a piece of one step. Tickets are taken in order and a ticket waits only for work of earlier tickets, so
 * someone is always working on what is waited for: there is no barrier, and any number of workers, one included, gets through.
 *
 * Tickets of step s, in order:
 *
 *   shards    forward, loss and backward of δ for a range of rows
 *   gather    rows of the minibatch of step s + 1: bytes to floats, and lists of non-zero inputs by quad of images
 *   head      panels of every layer but the last: weight gradient and Adam
 *   lists     lists of non-zero inputs of step s + 1 by quad of pixels
 *   last      panels of the last layer: weight gradient and Adam
 *
 * The gathering stands where workers would otherwise wait for the slowest shard, the last layer's update where they would wait
 * for the first layers'. Round 0 has only gather and lists, for the first step; round r ≥ 1 is step firstStep + r − 1.
 *
 * What is computed does not depend on who computes it: every sum has one owner and one order. So the same seed gives the same
 * bits with any number of workers.
 */
const gather_1 = require("./gather");
const plan_1 = require("./plan");
const step_1 = require("./step");
// Control words: 32-bit, each on its own cache line so that counting one thing does not slow the reading of another.
const LINE = 64;
/** Next ticket. */
const TICKET = 0;
/**
 * Pieces done, over all rounds. A piece of one kind waits for all of its kind of the round before (here or through what it waits
 * for), so that a count of n rounds' pieces means the first n rounds.
 */
const GATHERED = LINE;
const LISTED = 2 * LINE;
const SHARDS = 3 * LINE;
const HEAD = 4 * LINE;
const LAST = 5 * LINE;
/** Set by the host: give up at once (a worker failed). */
const ABORT = 6 * LINE;
/** Set by the host: finish the step under way. */
const STOP = 7 * LINE;
/** Round at which training ends; steps + 1, or sooner after STOP. */
const END_ROUND = 8 * LINE;
/** Workers asleep, and the word they sleep on. */
const SLEEPERS = 9 * LINE;
const WAKE = 10 * LINE;
/** Pixel quads of one `lists` ticket. */
const LIST_QUADS = 28;
/** Image quads of one `gather` ticket. */
const GATHER_QUADS = 8;
/** A sleeping worker looks again after this time, in case the host gave up without a wake. */
const SLEEP_NANOSECONDS = 20_000_000;
function read(job, word) {
    return atomic.load(job.control + word);
}
/** Counts one piece as done and wakes those who sleep. */
function done(job, word) {
    atomic.add(job.control + word, 1);
    if (read(job, SLEEPERS) > 0) {
        atomic.add(job.control + WAKE, 1);
        atomic.notify(job.control + WAKE, -1);
    }
}
/** Whether to go on with a piece of `round` once `word` has reached `target`; false when the job ends before it will. */
function reached(job, word, target, round) {
    let looks = 0;
    while (read(job, word) < target) {
        if (ended(job, round))
            return false;
        if (++looks > job.spins)
            sleep(job, word, target);
    }
    return !ended(job, round);
}
function ended(job, round) {
    return read(job, ABORT) !== 0 || round >= read(job, END_ROUND);
}
/** Sleeps until something is done. The order (announce, look again, sleep on the value seen before) loses no wake. */
function sleep(job, word, target) {
    atomic.add(job.control + SLEEPERS, 1);
    const seen = read(job, WAKE);
    if (read(job, word) < target)
        atomic.wait(job.control + WAKE, seen, SLEEP_NANOSECONDS);
    atomic.sub(job.control + SLEEPERS, 1);
}
function pieces(total, each) {
    return (total + each - 1) / each;
}
function panels(job, index) {
    return (0, plan_1.roundUp)((0, plan_1.layerAt)(job, index).outputs, plan_1.PANEL) / plan_1.PANEL;
}
/** Trains job.steps steps together with every other worker that calls this. `tile` is this worker's own scratch. */
function trainSteps(job, tile) {
    const lastLayer = job.layerCount - 1;
    const shards = pieces(job.batchSize, job.shardRows);
    const gathers = pieces(job.batchSize, GATHER_QUADS * plan_1.QUAD);
    const pixelQuads = pieces((0, plan_1.layerAt)(job, 0).inputs, plan_1.QUAD);
    const lists = pieces(pixelQuads, LIST_QUADS);
    let heads = 0;
    for (let index = job.frozenLayers; index < lastLayer; index++)
        heads += panels(job, index);
    // A frozen last layer still leaves one piece: the loss.
    const lasts = job.frozenLayers > lastLayer ? 1 : panels(job, lastLayer);
    const perRound = shards + gathers + heads + lists + lasts;
    while (true) {
        const ticket = atomic.add(job.control + TICKET, 1);
        const round = ticket / perRound;
        if (round > job.steps || ended(job, round))
            return;
        let piece = ticket % perRound;
        const step = job.firstStep + round - 1;
        if (piece < shards) {
            if (round > 0 && !runShard(job, tile, round, piece, shards, gathers, heads, lasts))
                return;
            continue;
        }
        piece -= shards;
        if (piece < gathers) {
            // The minibatch takes the buffer of two steps before, whose readers must be through.
            if (!reached(job, SHARDS, (round - 1) * shards, round))
                return;
            if (!reached(job, HEAD, (round - 1) * heads, round))
                return;
            if (lastLayer === 0 && !reached(job, LAST, (round - 1) * lasts, round))
                return;
            if (!reached(job, GATHERED, round * gathers, round))
                return;
            if (piece === 0 && read(job, STOP) !== 0)
                atomic.store(job.control + END_ROUND, round + 1);
            if (round < job.steps)
                runGather(job, tile, step + 1, piece);
            done(job, GATHERED);
            continue;
        }
        piece -= gathers;
        if (piece < heads) {
            if (round > 0 && !runHead(job, tile, round, step, piece, shards, lists))
                return;
            continue;
        }
        piece -= heads;
        if (piece < lists) {
            if (!reached(job, GATHERED, (round + 1) * gathers, round))
                return;
            if (!reached(job, LISTED, round * lists, round))
                return;
            if (round < job.steps)
                runLists(job, step + 1, piece, pixelQuads);
            done(job, LISTED);
            continue;
        }
        piece -= lists;
        if (round > 0 && !runLast(job, tile, round, step, piece, shards))
            return;
    }
}
/** Forward, loss and backward of δ for the rows of one shard. */
function runShard(job, tile, round, shard, shards, gathers, heads, lasts) {
    const step = job.firstStep + round - 1;
    if (!reached(job, GATHERED, round * gathers, round))
        return false;
    if (!reached(job, SHARDS, (round - 1) * shards, round))
        return false;
    if (!reached(job, HEAD, (round - 1) * heads, round))
        return false;
    const batch = (0, plan_1.batchAt)(job, step);
    const lastLayer = job.layerCount - 1;
    const row0 = shard * job.shardRows;
    const row1 = min(row0 + job.shardRows, (0, plan_1.roundUp)((0, plan_1.rowsOfStep)(job, step), plan_1.QUAD));
    for (let index = 0; index < lastLayer; index++) {
        // The last layer's update of the step before still reads the activations that its input layer is about to replace.
        if (index === lastLayer - 1 && !reached(job, LAST, (round - 1) * lasts, round))
            return false;
        if (row0 < row1)
            (0, step_1.forwardHidden)(job, batch, index, tile, row0, row1);
    }
    if (lastLayer === 0 && !reached(job, LAST, (round - 1) * lasts, round))
        return false;
    if (row0 < row1) {
        (0, step_1.forwardLoss)(job, batch, step, tile, row0, row1);
        for (let index = lastLayer; index > max(job.frozenLayers, 0) && index > 0; index--)
            (0, step_1.backwardInput)(job, index, tile, row0, row1);
    }
    done(job, SHARDS);
    return true;
}
function runGather(job, tile, step, piece) {
    const rows = (0, plan_1.rowsOfStep)(job, step);
    const row0 = piece * GATHER_QUADS * plan_1.QUAD;
    const row1 = min(row0 + GATHER_QUADS * plan_1.QUAD, rows);
    for (let row = row0; row < row1; row += plan_1.QUAD) {
        (0, gather_1.gatherTrainingQuad)(job, (0, plan_1.batchAt)(job, step), tile, step * job.batchSize, row, rows);
    }
}
function runLists(job, step, piece, pixelQuads) {
    const rows = (0, plan_1.roundUp)((0, plan_1.rowsOfStep)(job, step), plan_1.QUAD);
    const quad1 = min((piece + 1) * LIST_QUADS, pixelQuads);
    for (let quad = piece * LIST_QUADS; quad < quad1; quad++)
        (0, gather_1.listColumnQuad)(job, (0, plan_1.batchAt)(job, step), quad, rows);
}
/** One panel of the layers before the last, counted through all of them. */
function runHead(job, tile, round, step, piece, shards, lists) {
    if (!reached(job, SHARDS, round * shards, round))
        return false;
    if (!reached(job, LISTED, round * lists, round))
        return false;
    let index = job.frozenLayers;
    let panel = piece;
    while (panel >= panels(job, index)) {
        panel -= panels(job, index);
        index++;
    }
    (0, step_1.updatePanel)(job, (0, plan_1.batchAt)(job, step), index, step, tile, panel);
    done(job, HEAD);
    return true;
}
function runLast(job, tile, round, step, panel, shards) {
    if (!reached(job, SHARDS, round * shards, round))
        return false;
    if (panel === 0) {
        const loss = (0, step_1.batchLoss)(job, step);
        store(job.batchLosses + ((round - 1) << 3), loss);
        // A loss that is no number cannot be mended by more steps.
        if (!isFinite(loss))
            atomic.store(job.control + STOP, 1);
    }
    if (job.frozenLayers < job.layerCount)
        (0, step_1.updatePanel)(job, (0, plan_1.batchAt)(job, step), job.layerCount - 1, step, tile, panel);
    done(job, LAST);
    return true;
}
/** Runs an inference job together with every other worker; `worker` numbers the slice of the activation buffers. */
function inferSteps(job, tile, worker) {
    const chunks = pieces(job.rows, job.sliceRows);
    while (read(job, ABORT) === 0) {
        const chunk = atomic.add(job.control + TICKET, 1);
        if (chunk >= chunks)
            return;
        (0, step_1.inferRows)(job, tile, chunk * job.sliceRows, worker * job.sliceRows);
    }
}
