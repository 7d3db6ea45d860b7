/** Successive halving: which run goes on, when. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkPruning, halving, REDUCTION, rungsOf } from '../../src/cluster/halving.ts'
import { UsageError } from '../../src/errors.ts'
import type { SweepPiece, SweepRecord } from '../../src/experiments/sweep.ts'
import type { SweepRun } from '../../src/experiments/sweep-plan.ts'
import { DEFAULT_SETTINGS, type RunSettings } from '../../src/run/settings.ts'

/** Runs 0 … n − 1, whose names sort as they are numbered. */
function makeRuns(count: number, epochs: number, change: (i: number) => Partial<RunSettings> = () => ({})) {
  return Array.from({ length: count }, (_, i): SweepRun => {
    const settings = { ...DEFAULT_SETTINGS, epochs, seed: i, ...change(i) }
    return { id: String(i).padStart(3, '0'), settings, parameters: 1 }
  })
}

/** What comes of training `run` for so many epochs, the losses of all of which are `loss`. */
function recordOf({ run, until }: SweepPiece, loss: number): SweepRecord {
  const { id, settings } = run
  const trained = {
    id,
    settings,
    trainLoss: loss,
    testLosses: Array(until).fill(loss),
    seconds: 0,
    device: 'none',
  }
  if (until < settings.epochs) return { ...trained, status: 'stopped' }
  const measures = { reconstruction: { mse: loss, psnr: 0, ssim: null }, activeUnits: 0, denoising: [] }
  return { ...trained, status: 'done', measures, samples: [] }
}

test('rungs lie a factor of two apart, the last at all epochs, five where runs and epochs allow', () => {
  assert.is(REDUCTION, 2)
  assert.equal(rungsOf(16, 32), [1, 2, 4, 8, 16])
  assert.equal(rungsOf(30, 100), [2, 4, 8, 15, 30])
  assert.equal(rungsOf(30, 7), [8, 15, 30])
  assert.equal(rungsOf(256, 1000), [16, 32, 64, 128, 256])
  assert.equal(rungsOf(8, 8), [1, 2, 4, 8])
  assert.equal(rungsOf(1, 100), [1])
})

/** Trains with so many workers, in turns; returns the epochs of each run and the order of work. */
function simulate(runs: readonly SweepRun[], workers: number, lossOf: (run: SweepRun) => number) {
  const schedule = halving(runs, [])
  const epochs = new Map<string, number>()
  const order: string[] = []
  const underWay: SweepPiece[] = []
  for (;;) {
    while (underWay.length < workers) {
      const piece = schedule.next()
      if (piece === undefined || piece === 'wait') break
      order.push(`${Number(piece.run.id)}:${piece.until}`)
      underWay.push(piece)
    }
    const piece = underWay.shift()
    if (piece === undefined) {
      assert.is(schedule.next(), undefined)
      return { epochs, order }
    }
    assert.ok(piece.until > (epochs.get(piece.run.id) ?? 0), 'a run never goes back')
    epochs.set(piece.run.id, piece.until)
    schedule.add(recordOf(piece, lossOf(piece.run)))
  }
}

for (const workers of [1, 3, 32]) {
  test(`${workers} side by side: the best of 32 gets all epochs, few others do`, () => {
    const runs = makeRuns(32, 16)
    // In an order that has nothing to do with the names.
    const lossOf = ({ settings }: SweepRun) => ((settings.seed * 13 + 5) % 32) / 32
    const { epochs } = simulate(runs, workers, lossOf)
    const best = runs.find((run) => lossOf(run) === 0)
    assert.is(epochs.get(String(best?.id)), 16)
    assert.is(epochs.size, 32, 'each is tried')
    const trained = [...epochs.values()].reduce((sum, n) => sum + n, 0)
    assert.ok(trained <= 0.35 * 32 * 16, `${trained} of 512 epochs`)
  })
}

test('a promotion goes before a run that is new', () => {
  const { order } = simulate(makeRuns(16, 4), 1, ({ settings }) => settings.seed)
  // Run 0 is the better of the first two; of four, the second may go on, and of those two run 0; and so on.
  assert.equal(order.slice(0, 9).join(' '), '0:1 1:1 0:2 2:1 3:1 1:2 0:4 4:1 5:1')
})

test('with one run at a rung it goes on all the same', () => {
  const runs = makeRuns(2, 16)
  const { id, settings } = runs[0]
  const schedule = halving(runs, [])
  assert.equal(schedule.next(), { run: runs[0], until: 8 })
  schedule.add({ id, settings, status: 'failed', error: 'no' })
  assert.equal(schedule.next(), { run: runs[1], until: 8 })
  schedule.add(recordOf({ run: runs[1], until: 8 }, 1))
  assert.equal(schedule.next(), { run: runs[1], until: 16 })
})

test('a run that fails is out, and one that is done is not trained again', () => {
  const runs = makeRuns(8, 4)
  const schedule = halving(runs, [recordOf({ run: runs[7], until: 4 }, 0.5)])
  const begun: number[] = []
  for (let piece = schedule.next(); piece !== undefined && piece !== 'wait'; piece = schedule.next()) {
    const { id, settings } = piece.run
    begun.push(settings.seed)
    schedule.add(
      settings.seed === 0 ? { id, settings, status: 'failed', error: 'no' } : recordOf(piece, settings.seed),
    )
  }
  assert.not.ok(begun.includes(7))
  assert.is(begun.filter((seed) => seed === 0).length, 1)
})

test('what is known of an earlier call is gone on with, and nothing is done twice', () => {
  const runs = makeRuns(16, 16)
  const lossOf = ({ settings }: SweepRun) => settings.seed
  const whole = simulate(runs, 1, lossOf)
  const records: SweepRecord[] = []
  const first = halving(runs, [])
  for (let i = 0; i < 9; i++) {
    const piece = first.next()
    assert.ok(piece !== undefined && piece !== 'wait')
    records.push(recordOf(piece as SweepPiece, lossOf((piece as SweepPiece).run)))
    first.add(records[i])
  }
  const latest = [...new Map(records.map((record) => [record.id, record])).values()]
  const second = halving(runs, latest)
  const order: string[] = []
  for (let piece = second.next(); piece !== undefined && piece !== 'wait'; piece = second.next()) {
    order.push(`${Number(piece.run.id)}:${piece.until}`)
    second.add(recordOf(piece, lossOf(piece.run)))
  }
  assert.equal(order, whole.order.slice(9))
})

for (const [what, runs, message] of [
  ['few runs', makeRuns(1, 16), /at least 2 runs of 2 epochs, found 1 of 16/],
  ['few epochs', makeRuns(16, 1), /found 16 of 1/],
  ['other epochs', makeRuns(16, 8, (i) => ({ epochs: 8 + (i % 2) })), /one epochs, found 8, 9/],
  ['another loss', makeRuns(16, 8, (i) => ({ loss: i % 2 ? 'mse' : 'bce' })), /one loss, found bce, mse/],
] as const) {
  test(`${what} cannot be pruned`, () => {
    assert.throws(
      () => checkPruning(runs),
      (error: Error) => error instanceof UsageError && message.test(error.message),
    )
  })
}

test.run()
