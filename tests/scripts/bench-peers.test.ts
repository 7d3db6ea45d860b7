/** `npm run bench -- --peers`: shapes, how libraries are compared, and what is said of it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openJournal } from '../../scripts/bench/journal.ts'
import type { Measurement } from '../../scripts/bench/measure.ts'
import { benchPeers, compared, type PeerRow, type PeerSession } from '../../scripts/bench/peers.ts'
import { missingPeers, standingCharts } from '../../scripts/bench/peers-report.ts'
import { benchSections } from '../../scripts/bench/report.ts'
import { DEFAULT_SHAPES, parseShape, rowsFor, shapeText, shapeTitle } from '../../scripts/bench/shapes.ts'
import { UsageError } from '../../src/errors.ts'
import { drawBenchFigure } from '../../src/figures/bench-figure.ts'
import { SERIES_COLOURS } from '../../src/figures/theme.ts'
import { countColour, decodePng } from '../figures/pixels.ts'
import { smallDataset } from '../support/small-data.ts'

test('six shapes, that of the other parts first, each once and readable again', () => {
  assert.is(new Set(DEFAULT_SHAPES.map(shapeText)).size, 6)
  assert.is(shapeText(DEFAULT_SHAPES[0]), '784-392-8@256')
  assert.equal(
    DEFAULT_SHAPES.map((shape) => parseShape('shapes')(shapeText(shape))),
    [...DEFAULT_SHAPES],
  )
  assert.equal(
    [0, 5].map((i) => shapeTitle(DEFAULT_SHAPES[i])),
    ['z 8, batch 256', '30-64-5, batch 50'],
  )
})

for (const text of ['784-392-8', '784-392-8@0', '784-392-8-4@256', '784-392-8@10001', '']) {
  test(`refuses the shape '${text}'`, () => {
    const refused = (error: Error) =>
      error instanceof UsageError && /^--shapes: expected inputs-hidden-z@batch, .*found /.test(error.message)
    assert.throws(() => parseShape('shapes')(text), refused)
  })
}

test('tables are floats between 0 and 1 whose columns hang together; images stay what they are', () => {
  const { train } = smallDataset(20, 10)
  const images = rowsFor(
    { inputs: train.width * train.height, hidden: 3, bottleneck: 2, batchSize: 8 },
    train,
  )
  assert.is(images.rows, train.rows)
  const { rows, count } = rowsFor({ inputs: 6, hidden: 3, bottleneck: 2, batchSize: 8 }, train)
  assert.is(rows.length, 6 * count)
  assert.ok(rows.every((value) => value > 0 && value < 1))
  const column = (j: number) => Array.from({ length: count }, (_, i) => rows[i * 6 + j])
  const strongest = [1, 2, 3, 4, 5].map((j) => Math.abs(correlation(column(0), column(j))))
  assert.ok(Math.max(...strongest) > 0.3, `correlations ${strongest.join(', ')}`)
})

function correlation(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [mx, my] = [mean(x), mean(y)]
  const product = (a: readonly number[], ma: number, b: readonly number[], mb: number) =>
    a.reduce((sum, value, i) => sum + (value - ma) * (b[i] - mb), 0)
  return product(x, mx, y, my) / Math.sqrt(product(x, mx, x, mx) * product(y, my, y, my))
}

function measurement(name: string, samples: readonly number[]): Measurement {
  const sorted = samples.toSorted((a, b) => a - b)
  const [minimum, maximum] = [sorted[0], sorted[sorted.length - 1]]
  const median = sorted[Math.floor(sorted.length / 2)]
  return { name, samples, median, minimum, maximum, spread: 0, repetitions: 1 }
}

test('ahead or behind only by three quarters of the rounds, each beside its own', () => {
  const ours = measurement('ours', [1, 2, 4, 8, 16])
  const standing = (samples: readonly number[]) => compared(measurement('theirs', samples), ours)
  assert.equal(standing([2, 3, 5, 9, 17]), { timesOurs: 1.25, standing: 'ahead' })
  assert.equal(standing([0.9, 1.9, 3, 7, 15]), { timesOurs: 0.75, standing: 'behind' })
  assert.equal(standing([1.1, 2.2, 4, 7, 15]).standing, 'level')
  // As often slower as faster, round by round, though its median is a quarter longer.
  assert.equal(standing([0.9, 1.9, 5, 9, 17]), { timesOurs: 1.25, standing: 'level' })
})

const verified = { losses: [], expectedLosses: [], relativeError: 0 }
const row = (title: string, timesOurs: number, standing: PeerRow['standing']): PeerRow => ({
  ...{ title, timesOurs, standing, verified, version: '1', threads: 2 },
  isOurs: title.startsWith('Hourglass'),
  time: measurement(title, [4 * timesOurs]),
})
const session = (shape: string, title: string, rows: readonly PeerRow[]): PeerSession => ({
  ...{ shape: parseShape('shapes')(shape), title, rows, environment: {} },
  missing: [{ name: 'JAX (XLA)', reason: 'JAX (XLA): not there' }],
})
const ours = row('Hourglass', 1, 'level')
const eager = (times: number, standing: PeerRow['standing']) => row('PyTorch (eager)', times, standing)
const result = {
  sessions: [
    session('784-392-8@256', 'as they come', [ours, eager(1.5, 'ahead'), row('tfjs (WASM)', 70, 'ahead')]),
    session('784-392-8@4096', 'as they come', [ours, eager(0.8, 'behind')]),
    session('784-392-8@256', 'narrow', [ours, row('PyTorch (eager, fused Adam)', 1.01, 'level')]),
  ],
}

test('the overview has a row for each shape and says where Hourglass stands', () => {
  const machine = undefined as never
  const { peers = '' } = benchSections({ machine, command: '', isQuick: false, peers: result })
  const overview = peers.split('\n').filter((line) => /^\| z 8, batch/.test(line))
  assert.equal(
    overview.map((line) => line.replaceAll(/ +/g, ' ')),
    [
      '| z 8, batch 256 | 4.00 | 1.50 ahead | 70.0 ahead |',
      '| z 8, batch 4096 | 4.00 | 0.800 behind | – |',
      '| z 8, batch 256 | 4.00 | 1.01 level |',
    ],
  )
  assert.is(peers.match(/Not measured: JAX \(XLA\): not there/g)?.length, 1)
  assert.is(missingPeers(result).length, 1)
})

test('the figure shows the libraries that were measured at every shape, in the colour of their standing', async () => {
  const standings = standingCharts(result, 'machine')
  assert.equal(
    standings.map(({ title, groups }) => [title, groups.map(({ rows }) => rows.map(({ label }) => label))]),
    [
      ['As they come', [['PyTorch'], ['PyTorch']]],
      ['Narrow', [['PyTorch, fused Adam']]],
    ],
  )
  const [, behindColour] = SERIES_COLOURS
  const dots = async (charts: typeof standings, colour: string) =>
    countColour(await decodePng(await drawBenchFigure({ bars: [], curves: [], standings: charts })), colour)
  assert.ok((await dots(standings, SERIES_COLOURS[0])) > 200)
  assert.ok((await dots(standings, behindColour)) > 50)
  assert.is(await dots(standings.slice(1), behindColour), 0)
  // A bar that is cut is broken: another, as long in the figure, has more of its colour.
  const bar = (times: number): typeof standings => {
    const rows = [{ label: 'PyTorch', times, standing: 'ahead' as const }]
    return [{ title: 'As they come', subtitle: '', groups: [{ title: 'z 8', rows }] }]
  }
  const [whole, cut] = [await dots(bar(2.5), SERIES_COLOURS[0]), await dots(bar(25), SERIES_COLOURS[0])]
  assert.ok(cut < 0.98 * whole && cut > 0.9 * whole, `${cut} dots of a cut bar, ${whole} of a whole one`)
})

test('what the journal holds is not measured again, and nothing begins when it is over', async () => {
  const shapes = [parseShape('shapes')('784-392-8@256'), parseShape('shapes')('784-392-8@4096')]
  const effort = { rounds: 1, sampleMilliseconds: 0, warmUpMilliseconds: 0, budgetMilliseconds: 1 }
  const journal = await openJournal(undefined)
  const common = { threads: 1, simd: 'auto', effort, version: '1' } as const
  const [kept] = result.sessions
  await journal.add({ shape: shapes[0], title: kept.title, ...common }, kept)
  const told: number[] = []
  const found = await benchPeers({
    ...{ ...common, images: smallDataset(20, 10).train, shapes, journal, isOver: () => true },
    onPartial: async ({ sessions }) => {
      told.push(sessions.length)
    },
  })
  assert.equal(found, { sessions: [kept] })
  assert.equal(told, [1])
})

test.run()
