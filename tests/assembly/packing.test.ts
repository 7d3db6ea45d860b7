import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packedWeightElems, roundUp } from '../../src/engines/wasm/packing.ts'
import { PANEL } from '../../src/engines/wasm/plan.ts'
import type { Layer } from '../../src/model/network.ts'
import { CORE_VARIANTS, FencedBuffers, loadCore } from '../support/core.ts'

/** Below, at and above one panel and two, and several panels. */
const SIZES = [1, 2, 3, 16, 39, 40, 41, 79, 80, 81, 137]

const LAYERS = SIZES.flatMap((inputs) =>
  SIZES.map((outputs): Layer => ({ name: 'fc1', inputs, outputs, activation: 'relu' })),
)

/** Element (o, i) is 1 + 1000 o + i: it names its place, and is never the zero of the padding. */
function fingerprints({ inputs, outputs }: Layer): Float32Array {
  return Float32Array.from({ length: outputs * inputs }, (_, at) => {
    return 1 + 1000 * Math.floor(at / inputs) + (at % inputs)
  })
}

/**
 * Panels [columns / 40][rows][40] of a matrix whose elements `at` gives, written from the definition; padding
 * zero.
 */
function panels(rows: number, columns: number, at: (row: number, column: number) => number): Float32Array {
  const packed: number[] = []
  for (let panel = 0; panel < roundUp(columns, PANEL) / PANEL; panel++) {
    for (let row = 0; row < roundUp(rows, PANEL); row++) {
      for (let lane = 0; lane < PANEL; lane++) {
        const column = panel * PANEL + lane
        packed.push(row < rows && column < columns ? at(row, column) : 0)
      }
    }
  }
  return Float32Array.from(packed)
}

const sizes = suite('sizes of packed operands')

sizes('roundUp goes to the next multiple', () => {
  assert.equal(
    [0, 1, 39, 40, 41, 784].map((n) => roundUp(n, PANEL)),
    [0, 40, 40, 40, 80, 800],
  )
})

sizes.run()

for (const variant of CORE_VARIANTS) {
  const test = suite(`packed weights, core ${variant}`)
  const { kernels, memory } = await loadCore(variant)

  test('lie as panels of the transpose, and as panels of themselves, with zeros for padding', () => {
    for (const layer of LAYERS) {
      const { inputs, outputs } = layer
      const weights = fingerprints(layer)
      const elems = packedWeightElems(layer)
      const buffers = new FencedBuffers(memory)
      const from = buffers.input(weights)
      const packed = buffers.output(elems)
      const transposed = buffers.output(elems)
      const alone = buffers.output(elems)
      kernels.packWeights(packed, transposed, from, inputs, outputs)
      kernels.packWeights(alone, 0, from, inputs, outputs)
      const what = `${outputs} × ${inputs}`
      buffers.check(what)
      const element = (o: number, i: number) => weights[o * inputs + i]
      const found = (address: number) => new Float32Array(buffers.bits(address, elems).buffer)
      const expected = panels(inputs, outputs, (i, o) => element(o, i))
      assert.equal(found(packed), expected, `${what}: packed`)
      assert.equal(found(transposed), panels(outputs, inputs, element), `${what}: transposed`)
      assert.equal(found(alone), expected, `${what}: without the transpose`)
    }
  })

  test('come back as they were, and only they are written', () => {
    for (const layer of LAYERS) {
      const { inputs, outputs } = layer
      const weights = fingerprints(layer)
      const buffers = new FencedBuffers(memory)
      const from = buffers.input(weights)
      const packed = buffers.output(packedWeightElems(layer))
      const back = buffers.output(weights.length)
      kernels.packWeights(packed, 0, from, inputs, outputs)
      kernels.unpackWeights(back, packed, inputs, outputs)
      buffers.check(`${outputs} × ${inputs}`)
      const found = new Float32Array(buffers.bits(back, weights.length).buffer)
      assert.equal(found, weights, `${outputs} × ${inputs}`)
    }
  })

  test.run()
}
