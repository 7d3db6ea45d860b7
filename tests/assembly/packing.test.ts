import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packedWeightElems, packWeights, roundUp, unpackWeights } from '../../../src/engines/wasm/packing.ts'
import { PANEL } from '../../../src/engines/wasm/plan.ts'
import type { Layer } from '../../../src/model/network.ts'

const test = suite('packed weights')

/** Below, at and above one panel and two, and several panels. */
const SIZES = [1, 2, 3, 16, 39, 40, 41, 79, 80, 81, 137]

function layerOf(inputs: number, outputs: number): Layer {
  return { name: 'fc1', inputs, outputs, activation: 'relu' }
}

/** Element (o, i) is 1 + 1000 o + i: it names its place, and is never the zero of the padding. */
function fingerprints({ inputs, outputs }: Layer): Float32Array {
  return Float32Array.from({ length: outputs * inputs }, (_, at) => {
    return 1 + 1000 * Math.floor(at / inputs) + (at % inputs)
  })
}

/** Panels [columns / 40][rows][40] of a matrix whose elements `at` gives, written from the definition; padding zero. */
function panels(rows: number, columns: number, at: (row: number, column: number) => number): number[] {
  const packed: number[] = []
  for (let panel = 0; panel < roundUp(columns, PANEL) / PANEL; panel++) {
    for (let row = 0; row < roundUp(rows, PANEL); row++) {
      for (let lane = 0; lane < PANEL; lane++) {
        const column = panel * PANEL + lane
        packed.push(row < rows && column < columns ? at(row, column) : 0)
      }
    }
  }
  return packed
}

function forEachLayer(check: (layer: Layer, what: string) => void): void {
  for (const inputs of SIZES) {
    for (const outputs of SIZES) check(layerOf(inputs, outputs), `${outputs} × ${inputs}`)
  }
}

test('roundUp goes to the next multiple', () => {
  assert.equal(
    [0, 1, 39, 40, 41, 784].map((n) => roundUp(n, PANEL)),
    [0, 40, 40, 40, 80, 800],
  )
})

test('lie as panels of the transpose, and as panels of themselves, with zeros for padding', () => {
  forEachLayer((layer, what) => {
    const { inputs, outputs } = layer
    const weights = fingerprints(layer)
    const poisoned = () => new Float32Array(packedWeightElems(layer)).fill(Number.NaN)
    const packed = poisoned()
    const transposed = poisoned()
    packWeights(layer, weights, packed, transposed)
    const element = (o: number, i: number) => weights[o * inputs + i]
    assert.equal(
      [...packed],
      panels(inputs, outputs, (i, o) => element(o, i)),
      `${what}: packed`,
    )
    assert.equal([...transposed], panels(outputs, inputs, element), `${what}: transposed`)

    const alone = poisoned()
    packWeights(layer, weights, alone)
    assert.equal(alone, packed, `${what}: without the transpose`)
  })
})

test('come back as they were, and only they are written', () => {
  forEachLayer((layer, what) => {
    const weights = fingerprints(layer)
    const packed = new Float32Array(packedWeightElems(layer))
    packWeights(layer, weights, packed)
    const fence = 3
    const room = new Float32Array(weights.length + 2 * fence).fill(-7)
    unpackWeights(layer, packed, room.subarray(fence, fence + weights.length))
    assert.equal([...room.subarray(0, fence)], [-7, -7, -7], `${what}: before`)
    assert.equal([...room.subarray(fence + weights.length)], [-7, -7, -7], `${what}: after`)
    assert.equal(room.subarray(fence, fence + weights.length), weights, what)
  })
})

test('take float64 weights, rounded to float32', () => {
  const layer = layerOf(3, 2)
  const packed = new Float32Array(packedWeightElems(layer))
  packWeights(layer, Float64Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), packed)
  const back = new Float32Array(6)
  unpackWeights(layer, packed, back)
  assert.equal(back, Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
})

test.run()
