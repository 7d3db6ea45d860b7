import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { benchQuality, type QualityResult, qualityPlan, RECIPES } from '../../scripts/bench/quality.ts'
import { benchSections } from '../../scripts/bench/report.ts'
import { completeSettings } from '../../src/run/settings.ts'
import { checkSchedule } from '../../src/training/config.ts'
import { smallDataset } from '../support/small-data.ts'

const dataset = smallDataset(300, 20)
const recipes = [
  { name: 'slow', settings: { epochs: 3, batchSize: 64 } },
  { name: 'falling', settings: { epochs: 2, batchSize: 32, schedule: 'linear' as const } },
]

async function measure(target: number, trainingImages = 300) {
  const partial: number[] = []
  const plan = { target, recipes, seeds: [1, 2], trainingImages }
  const result = await benchQuality(dataset, plan, 1, 'auto', async (soFar) => {
    partial.push(soFar.recipes.reduce((sum, { runs }) => sum + runs.length, 0))
  })
  return { result, partial }
}

test('stops at the first epoch that is as good as the target, and counts its training alone', async () => {
  const { result, partial } = await measure(1)
  assert.equal(partial, [1, 2, 3, 4], 'it tells of each run')
  for (const { runs } of result.recipes) {
    assert.equal(
      runs.map(({ seed, epochs }) => [seed, epochs]),
      [
        [1, 1],
        [2, 1],
      ],
    )
    for (const { seconds } of runs) assert.ok(seconds !== undefined && seconds > 0)
  }
})

test('a target that is never reached takes all epochs and has no seconds', async () => {
  const { result } = await measure(0, 64)
  assert.is(result.trainingImages, 64)
  assert.equal(
    result.recipes.map(({ runs }) => runs.map(({ epochs, seconds }) => [epochs, seconds])),
    [
      [
        [3, undefined],
        [3, undefined],
      ],
      [
        [2, undefined],
        [2, undefined],
      ],
    ],
  )
})

test('the table has medians over all seeds, those that failed included', () => {
  const run = (seed: number, seconds: number | undefined, testLoss: number) => ({
    ...{ seed, seconds, testLoss },
    ...{ epochs: 7, activeUnits: 9 - seed },
  })
  const result: QualityResult = {
    ...{ target: 0.019, threads: 2, trainingImages: 60000 },
    recipes: [
      {
        name: 'a',
        settings: { epochs: 7 },
        runs: [run(1, 9, 0.0189), run(2, undefined, 0.021), run(3, 8, 0.0187)],
      },
      { name: 'b', settings: { schedule: 'linear' }, runs: [run(1, undefined, 0.022)] },
    ],
  }
  const machine = undefined as never
  const { quality = '' } = benchSections({ machine, command: '', isQuick: false, quality: result })
  assert.match(quality, /\| a +\| 2 of 3 \| +9\.0 \| 8\.0 \| 9\.0 \| +0\.02100 \| +6 \| epochs 7 +\|/)
  assert.match(quality, /\| b +\| 0 of 1 \| +– \| +– \| +– \| +0\.02200 \| +8 \| schedule linear \|/)
})

test('the recipes are settings that runs take, twenty seeds of each', () => {
  for (const { settings } of RECIPES) checkSchedule(completeSettings(settings))
  assert.is(qualityPlan(false).seeds.length, 20)
  assert.is(new Set(qualityPlan(false).seeds).size, 20)
})

test.run()
