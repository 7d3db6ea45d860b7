/** `npm run bench`: how it measures, that it refuses to time what is wrong, and the command itself. */
import { tmpdir } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { networkOf, verifiedEngine } from '../../scripts/bench/engines.ts'
import { referenceFirstLosses, referenceLosses, verifyLosses } from '../../scripts/bench/expected.ts'
import type { KernelsResult, LoadedCore } from '../../scripts/bench/kernels.ts'
import { benchKernels, loadBenchCore } from '../../scripts/bench/kernels.ts'
import type { Clock, Contestant, Effort } from '../../scripts/bench/measure.ts'
import { MINIMUM_ROUNDS, measure, timed } from '../../scripts/bench/measure.ts'
import type { BenchCore } from '../../scripts/bench/placed-product.ts'
import { exactProduct, stepProducts } from '../../scripts/bench/products.ts'
import type { StepResult } from '../../scripts/bench/step.ts'
import { denseStepFlops, threadCounts } from '../../scripts/bench/step.ts'
import { canFuse } from '../../src/engines/wasm/node-v8.ts'
import { HourglassError } from '../../src/errors.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { runScript } from '../support/command.ts'
import { rejection } from '../support/rejection.ts'

/** Time that passes only where a test says so. */
class FakeClock implements Clock {
  milliseconds = 0
  now(): number {
    return this.milliseconds
  }
  async wait(milliseconds: number): Promise<void> {
    this.milliseconds += milliseconds
  }
}

const EFFORT: Effort = { rounds: 4, sampleMilliseconds: 0, warmUpMilliseconds: 0, budgetMilliseconds: 1e9 }

const measuring = suite('measure')

measuring('takes one sample of each in turn, every other round backwards', async () => {
  const clock = new FakeClock()
  const calls: string[] = []
  const contestants = ['a', 'b', 'c'].map((name) =>
    timed(
      name,
      async (repetitions) => {
        calls.push(name)
        await clock.wait(repetitions)
      },
      clock,
    ),
  )
  const { measurements } = await measure(contestants, EFFORT, clock)
  assert.is(calls.join(''), 'abccbaabccba')
  assert.equal(
    measurements.map(({ name, samples }) => [name, samples]),
    ['a', 'b', 'c'].map((name) => [name, [1, 1, 1, 1]]),
  )
})

measuring('reports median, range and relative quartiles of one repetition', async () => {
  const times = [30, 10, 20, 50, 40]
  const contestant: Contestant = { name: 'a', run: () => times.shift() ?? Number.NaN }
  const { measurements } = await measure([contestant], { ...EFFORT, rounds: 5 }, new FakeClock())
  const [{ median, minimum, maximum, spread, samples }] = measurements
  assert.equal([median, minimum, maximum, spread], [30, 10, 50, 20 / 30])
  assert.equal(samples, [30, 10, 20, 50, 40])
})

measuring('warms up for its time, and chooses repetitions that fill a sample', async () => {
  const clock = new FakeClock()
  const asked: number[] = []
  let isFirst = true
  const work = async (repetitions: number) => {
    asked.push(repetitions)
    // The first run takes long, as code that is yet to be compiled does.
    await clock.wait(isFirst ? 7 : 0.5 * repetitions)
    isFirst = false
  }
  const effort = { ...EFFORT, sampleMilliseconds: 20, warmUpMilliseconds: 50 }
  const { measurements } = await measure([timed('a', work, clock)], effort, clock)
  assert.is(measurements[0].repetitions, 40)
  assert.is(measurements[0].median, 0.5)
  const warmUps = asked.slice(0, -EFFORT.rounds)
  assert.is(warmUps[0], 1)
  assert.ok(clock.milliseconds >= 50 + EFFORT.rounds * 20)
  assert.equal(asked.slice(-EFFORT.rounds), [40, 40, 40, 40])
})

measuring('ends even where the clock sees no time', async () => {
  const contestant: Contestant = { name: 'a', run: () => 0 }
  const effort = { ...EFFORT, sampleMilliseconds: 20, warmUpMilliseconds: 50 }
  const { measurements } = await measure([contestant], effort, new FakeClock())
  assert.is(measurements[0].median, 0)
  assert.is(measurements[0].spread, 0)
})

measuring('begins no round after the budget, but takes the least number of samples', async () => {
  const clock = new FakeClock()
  const contestant = timed('a', (repetitions) => clock.wait(100 * repetitions), clock)
  const samples = async (budgetMilliseconds: number) => {
    const session = await measure([contestant], { ...EFFORT, rounds: 50, budgetMilliseconds }, clock)
    return session.measurements[0].samples.length
  }
  assert.is(await samples(1), MINIMUM_ROUNDS)
  assert.is(await samples(950), 10)
})

measuring('pauses before each sample, outside its time', async () => {
  const clock = new FakeClock()
  const contestant = timed('a', () => clock.wait(2), clock)
  const { measurements } = await measure([contestant], { ...EFFORT, pauseMilliseconds: 300 }, clock)
  assert.is(measurements[0].median, 2)
  assert.is(clock.milliseconds, EFFORT.rounds * 302)
})

measuring('reports a contestant that may fail, and goes on without it', async () => {
  let runs = 0
  const broken: Contestant = {
    name: 'broken',
    mayFail: true,
    run: () => {
      runs++
      if (runs === 2) throw new Error('out of luck')
      return 1
    },
  }
  const sound: Contestant = { name: 'sound', run: () => 3 }
  const { measurements, failures } = await measure([broken, sound], EFFORT, new FakeClock())
  assert.equal(failures, [{ name: 'broken', reason: 'out of luck' }])
  assert.equal(
    measurements.map(({ name, samples }) => [name, samples.length]),
    [['sound', EFFORT.rounds]],
  )
  assert.is(runs, 2)
  const strict = { ...broken, mayFail: false }
  runs = 0
  assert.match((await rejection(measure([strict], EFFORT, new FakeClock()))).message, /out of luck/)
})

for (const milliseconds of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
  measuring(`refuses a time of ${milliseconds}`, async () => {
    const contestant: Contestant = { name: 'a', run: () => milliseconds }
    const error = await rejection(measure([contestant], EFFORT, new FakeClock()))
    assert.match(error.message, `reported ${milliseconds} ms`)
  })
}

measuring.run()

const kernels = suite('kernels')
/** Sizes that leave part panels and part pairs, and a batch of part pairs. */
const network = hourglass({ input: 69, hidden: 37, bottleneck: 5 })
const BATCH = 22
/** Runs of zeros, as digits have them. */
const images = Float32Array.from({ length: BATCH * 69 }, (_, i) =>
  (i % 69) % 13 < 6 ? 0 : ((i * 97) % 256) / 255,
)
const products = stepProducts(network, initialParameters(network, 1), images)
const SHORT: Effort = { rounds: 1, sampleMilliseconds: 0, warmUpMilliseconds: 0, budgetMilliseconds: 1 }

kernels('the oracle multiplies matrices', () => {
  const left = Float32Array.of(1, -2, 3, 0, 5, -6)
  const right = Float32Array.of(7, 8, 9, 10, -11, 12)
  const { sums, magnitudes } = exactProduct(left, right, 2, 3, 2)
  assert.equal(Array.from(sums), [7 - 18 - 33, 8 - 20 + 36, 45 + 66, 50 - 72])
  assert.equal(Array.from(magnitudes), [7 + 18 + 33, 8 + 20 + 36, 45 + 66, 50 + 72])
})

kernels('the eleven products of a step, with the shapes of their layers', () => {
  const shapes = products.map(({ layer, phase, rows, terms, columns }) =>
    [layer, phase, rows, terms, columns].join(' '),
  )
  assert.equal(shapes, [
    'fc1 forward 22 69 37',
    'fc1 weight gradient 69 22 37',
    'fc2 forward 22 37 5',
    'fc2 input gradient 22 5 37',
    'fc2 weight gradient 37 22 5',
    'fc3 forward 22 5 37',
    'fc3 input gradient 22 37 5',
    'fc3 weight gradient 5 22 37',
    'fc4 forward 22 37 69',
    'fc4 input gradient 22 69 37',
    'fc4 weight gradient 37 22 69',
  ])
})

for (const simd of canFuse ? (['256', '128', 'plain'] as const) : (['128', 'plain'] as const)) {
  kernels(`every product is verified and timed: ${simd}`, async () => {
    const { rows, limitGflops } = await benchKernels(await loadBenchCore(simd), products, SHORT)
    assert.is(rows.length, products.length + 1)
    assert.ok(limitGflops > 0 && Number.isFinite(limitGflops))
    for (const { layer, phase, gflops, usefulGflops, skipped, verifiedError, method } of rows) {
      const name = `${layer} ${phase}`
      assert.ok(gflops > 0 && Number.isFinite(gflops), name)
      assert.ok(usefulGflops > 0 && usefulGflops <= gflops, name)
      assert.ok(verifiedError > 0 && verifiedError <= 1, name)
      assert.ok(method === 'dense' ? skipped === 0 : skipped >= 0 && skipped < 1, `${name} skips ${skipped}`)
    }
    assert.equal(
      rows.filter(({ method }) => method === 'sampled').map(({ layer }) => layer),
      ['fc4'],
    )
    const fc1 = rows.filter(({ layer, method }) => layer === 'fc1' && method === 'lists')
    assert.is(fc1.length, 2)
    for (const { skipped } of fc1) assert.ok(skipped > 0.2, `pixels that are zero are skipped: ${skipped}`)
  })
}

/** A core whose named export does something else as well. */
function meddledCore(
  loaded: LoadedCore,
  name: 'gemmPanels' | 'spmmPanels' | 'sddmmPairs',
  meddle: (c: number) => void,
): LoadedCore {
  const core: BenchCore = { ...loaded.core }
  const right = core[name] as (...args: number[]) => void
  core[name] = (...args: number[]) => {
    right(...args)
    meddle(args[1])
  }
  return { ...loaded, core }
}

for (const name of ['gemmPanels', 'spmmPanels', 'sddmmPairs'] as const) {
  for (const [what, change] of [
    ['one element a little off', (value: number) => value * 1.001 + 1e-3],
    ['one element no number', () => Number.NaN],
  ] as const) {
    kernels(`a wrong kernel is not timed: ${name}, ${what}`, async () => {
      const loaded = await loadBenchCore('128')
      let meddled = 0
      const core = meddledCore(loaded, name, (c) => {
        const element = new Float32Array(loaded.memory.buffer, c, 1)
        element[0] = change(element[0])
        meddled++
      })
      const error = await rejection(benchKernels(core, products, SHORT))
      assert.instance(error, HourglassError)
      assert.match(error.message, /^kernel .*: expected .* at row 0, column 0, found .*; not timed$/)
      assert.is(meddled, 1)
    })
  }
}

kernels.run()

const engines = suite('engines')

engines('losses that are others, missing or no number are not accepted', () => {
  assert.is(verifyLosses('step', [0.25, 0.125], [0.25, 0.125]).relativeError, 0)
  for (const losses of [[0.25, 0.12501], [0.25], [0.25, Number.NaN]]) {
    assert.throws(
      () => verifyLosses('step', losses, [0.25, 0.125]),
      (error: Error) => error instanceof HourglassError && /^step: expected first losses/.test(error.message),
    )
  }
})

engines('an engine with another loss than expected is not timed', async () => {
  const setting = { inputs: 784, hidden: 16, bottleneck: 2, batchSize: 8, threads: 1, simd: 'auto' } as const
  const bytes = Uint8Array.from({ length: 8 * 784 }, (_, i) => (i * 37) % 256)
  const sizes = networkOf(setting)
  const expected = await referenceLosses(sizes, bytes, setting.batchSize, 3)
  const { engine, verified } = await verifiedEngine('step', setting, bytes, expected)
  assert.is(verified.losses.length, 3)
  await engine.dispose()
  const firstLoss = (await referenceFirstLosses(sizes, bytes, [4, 8])).get(8) as number
  assert.ok(Math.abs(firstLoss - expected[0]) <= 1e-12)
  const others = [expected[0], expected[1], 1.01 * expected[2]]
  const error = await rejection(verifiedEngine('step', setting, bytes, others))
  assert.instance(error, HourglassError)
  assert.match(error.message, /^step: expected first losses .*; not timed$/)
})

engines('counts of threads, and of operations in a dense step', () => {
  assert.equal(threadCounts(1), [1])
  assert.equal(threadCounts(2), [1, 2])
  assert.equal(threadCounts(6), [1, 2, 4, 6])
  // 2 · 3 · (2 · 3 + 3 · 1 + 1 · 3 + 3 · 2 = 18) less the first layer's input gradient, 2 · 3.
  assert.is(denseStepFlops(hourglass({ input: 2, hidden: 3, bottleneck: 1 }), 10), 2 * 10 * (3 * 18 - 6))
})

engines.run()

const command = suite('npm run bench')

function assertPositive(value: number, what: string): void {
  assert.ok(value > 0 && value < Number.POSITIVE_INFINITY, `${what}: ${value}`)
}

command('prints JSON of positive numbers, all verified', async () => {
  const flags = ['--quick', '--only', 'kernels,step', '--threads', '2', '--json']
  const { code, stdout, stderr } = await runScript('bench', flags, tmpdir())
  assert.is(code, 0, stderr)
  const result = JSON.parse(stdout) as {
    machine: { cores: number; node: string; date: string; isBusy: boolean }
    kernels: KernelsResult[]
    step: StepResult
    scaling?: unknown
  }
  assertPositive(result.machine.cores, 'cores')
  assert.is(result.machine.node, process.versions.node)
  assert.ok(!Number.isNaN(Date.parse(result.machine.date)))
  assert.type(result.machine.isBusy, 'boolean')
  assert.is(result.scaling, undefined, 'only what was asked for')
  assert.is(result.kernels.length, 2)
  for (const { rows, limitGflops } of result.kernels) {
    assertPositive(limitGflops, 'limit')
    assert.is(rows.length, 12)
    for (const { layer, phase, gflops, usefulGflops, shareOfLimit, time, verifiedError } of rows) {
      const what = `${layer} ${phase}`
      for (const value of [gflops, usefulGflops, shareOfLimit, time.median, time.minimum, verifiedError]) {
        assertPositive(value, what)
      }
      assert.ok(verifiedError <= 1, what)
      assert.ok(time.minimum <= time.median && time.median <= time.maximum, what)
    }
  }
  assert.equal(
    result.step.rows.map(({ threads, simd }) => `${threads} ${simd}`),
    ['1 auto', '2 auto', '1 128', '2 128', '1 plain', '2 plain'],
  )
  for (const { threads, simd, time, denseGflops, verified } of result.step.rows) {
    const what = `${threads} ${simd}`
    for (const value of [time.median, time.minimum, denseGflops]) assertPositive(value, what)
    assert.is(verified.losses.length, 3, what)
    assert.ok(verified.relativeError <= 1e-5, `${what}: ${verified.relativeError}`)
  }
})

const refused: [string[], RegExp][] = [
  [['--only', 'nonsense'], /^error: --only: expected one of kernels, step, .*, found nonsense\n$/],
  [['--only', ''], /^error: --only: expected values separated by commas, found ''\n$/],
  [['--simd', '512'], /^error: --simd: expected one of auto, 256, 128, plain, found 512\n$/],
]
for (const [flags, message] of refused) {
  command(`refuses ${flags.join(' ')}`, async () => {
    const { code, stdout, stderr } = await runScript('bench', flags, tmpdir())
    assert.is(code, 2)
    assert.match(stderr, message)
    assert.is(stdout, '')
  })
}

command.run()
