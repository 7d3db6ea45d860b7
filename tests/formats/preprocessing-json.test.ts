import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type DataKnowledge,
  PREPROCESSING_KEY,
  readModel,
  TRAINING_ERRORS_KEY,
  writeModel,
} from '../../src/formats/model-file.ts'
import { ErrorQuantiles } from '../../src/model/error-quantiles.ts'
import type { Preprocessing } from '../../src/model/preprocessing.ts'
import { assertRefused } from './refusal.ts'
import { fingerprints, smallNetwork } from './small-model.ts'

/** Of 5 inputs. */
const network = smallNetwork()
const parameters = fingerprints(network)

const TABLE: Preprocessing = {
  features: [
    { kind: 'number', name: 'größe "x",y', fill: -1.5e300 },
    { kind: 'number', name: '__proto__' },
    { kind: 'category', name: 'site', categories: ['', 'Kiel, Halle 2', 'Århus'] },
  ],
  label: 'outlier',
  scaling: {
    kind: 'standard',
    shift: [0.1 + 0.2, 0, -0, 1e9, 5],
    factor: [1 / 3, 0, 1e-30, 1e30, 2],
    rows: 7,
  },
}
const trainingErrors = ErrorQuantiles.fit(Float64Array.from({ length: 77 }, (_, i) => (i * i) / 7))

const WHOLE: Record<string, DataKnowledge> = {
  'a table': { preprocessing: TABLE, trainingErrors },
  'pictures without scaling': { preprocessing: { picture: { width: 5, height: 1, channels: 1 } } },
  'values between bounds': {
    preprocessing: { scaling: { kind: 'minmax', shift: [1, 2, 3, 4, 5], factor: [1, 1, 1, 1, 0] } },
  },
  'nothing but its errors': { trainingErrors },
}

for (const [name, knowledge] of Object.entries(WHOLE)) {
  for (const file of ['m.pth', 'm.safetensors']) {
    test(`${file} keeps what is known of ${name}`, () => {
      const read = readModel(writeModel({ network, parameters, ...knowledge }, file), file)
      assert.equal(read.preprocessing, knowledge.preprocessing)
      assert.equal(read.trainingErrors, knowledge.trainingErrors)
      // As `convert` hands them on.
      const again = readModel(writeModel(read, 'n.safetensors'), 'n.safetensors')
      assert.equal(again.preprocessing, knowledge.preprocessing)
      assert.equal(again.trainingErrors, knowledge.trainingErrors)
    })
  }
}

test('a file without them says nothing of them', () => {
  const read = readModel(writeModel({ network, parameters }, 'm.pth'), 'm.pth')
  assert.not('preprocessing' in read)
  assert.not('trainingErrors' in read)
})

function refuse(key: string, json: string, expected: RegExp) {
  const bytes = writeModel({ network, parameters, metadata: { [key]: json } }, 'm.safetensors')
  assertRefused((file) => readModel(bytes, file), expected)
}

const feature = (name: string) => `{"kind":"number","name":"${name}"}`
const five = ['a', 'b', 'c', 'd', 'e'].map(feature).join()
const scaling = (shift: string, factor: string, kind = 'standard') =>
  `{"scaling":{"kind":"${kind}","shift":[${shift}],"factor":[${factor}]}}`

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['', /expected JSON/],
  ['[]', /expected an object/],
  ['{"features":null}', /features: expected an array, found null/],
  [`{"features":[${feature('a')}]}`, /features: expected those of 5 inputs, found 1/],
  [`{"features":[${five},${feature('f')}]}`, /features: expected at most 5, one an input, found 6/],
  [`{"features":[${five.replace('"e"', '"a"')}]}`, /name: expected one that no other feature has, found "a"/],
  [`{"features":[${five.replace('number', 'text')}]}`, /features\[0\]\.kind: expected number or category/],
  [`{"features":[${five.replace('"a"', '"a","fill":1e999')}]}`, /fill: expected a number/],
  [`{"features":[${five.replace('"a"', `"${'a'.repeat(1001)}"`)}]}`, /name: expected at most 1000/],
  ['{"features":[{"kind":"category","name":"x","categories":["a","a","b","c","d"]}]}', /each of them once/],
  ['{"features":[{"kind":"category","name":"x","categories":[1,2,3,4,5]}]}', /expected texts of at most/],
  [`{"features":[${five}],"label":"b"}`, /label: expected a column that is no feature, found "b"/],
  [`{"features":[${five}],"label":7}`, /label: expected a string, found 7/],
  ['{"picture":{"width":5,"height":2,"channels":1}}', /expected a picture of 5 values, found 10/],
  ['{"picture":{"width":5,"height":1,"channels":2}}', /channels: expected 1 or 3/],
  ['{"picture":{"width":-5,"height":-1,"channels":1}}', /width: expected a whole number/],
  [`{"features":[${five}],"picture":{"width":5,"height":1,"channels":1}}`, /picture: expected none/],
  [scaling('1,2,3,4', '1,1,1,1,1'), /scaling\.shift: expected 5 numbers/],
  [scaling('1,2,3,4,5', '1,1,1,1,1,1'), /scaling\.factor: expected 5 numbers/],
  [scaling('1,2,3,4,1e999', '1,1,1,1,1'), /shift: expected finite numbers, found Infinity/],
  [scaling('1,2,3,4,null', '1,1,1,1,1'), /shift: expected an array of numbers/],
  [scaling('1,2,3,4,5', '1,1,1,1,-1'), /factor: expected numbers of at least 0/],
  [scaling('1,2,3,4,5', '1,1,1,1,1e-320'), /factor: expected numbers of at least 0 with a finite reciprocal/],
  [scaling('1,2,3,4,5', '1,1,1,1,1', 'none'), /kind: expected minmax or standard, found "none"/],
]

for (const [json, expected] of REFUSED) {
  test(`preprocessing ${json.slice(0, 60)} is refused: ${expected}`, () => {
    refuse(PREPROCESSING_KEY, json, expected)
  })
}

test('training errors that are none are refused', () => {
  refuse(TRAINING_ERRORS_KEY, '{"count":0,"quantiles":[0,1]}', /count: expected a whole number/)
  refuse(TRAINING_ERRORS_KEY, '{"count":3,"quantiles":[1,0]}', /quantiles: expected at least two .* ascend/)
  refuse(TRAINING_ERRORS_KEY, '{"count":3,"quantiles":[0,1e999]}', /quantiles: expected/)
  refuse(TRAINING_ERRORS_KEY, `{"count":3,"quantiles":[${'0,'.repeat(100_001)}0]}`, /at most 100001 numbers/)
})

test.run()
