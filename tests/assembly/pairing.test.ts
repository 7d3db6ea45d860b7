import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Operand } from '../../src/engines/wasm/plan.ts'
import { writeStructure } from '../../src/engines/wasm/structures.ts'
import { CORE_VARIANTS, FencedBuffers, loadCore, uniforms } from '../support/core.ts'

const PANEL = 40
const JUDGED_ROWS = 64

/** Greedy, as the docstring says. `fires[row][unit]`. */
function paired(fires: readonly boolean[][], units: number): number[] {
  const order = Array.from({ length: PANEL }, (_, i) => i)
  const judged = fires.slice(0, JUDGED_ROWS)
  const differing = (u: number, v: number) => judged.filter((row) => row[u] !== row[v]).length
  for (let place = 1; place < units; place += 2) {
    const first = order[place - 1]
    let best = place
    for (let i = place; i < units; i++) {
      if (differing(order[i], first) < differing(order[best], first)) best = i
    }
    ;[order[place], order[best]] = [order[best], order[place]]
  }
  return order
}

for (const variant of CORE_VARIANTS) {
  const test = suite(`pairing of hidden units, core ${variant}`)
  const { kernels, memory } = await loadCore(variant)

  test("puts units together that fire for the same images, and writes the next block's pairing only", () => {
    // Of the second panel 40, 1, 8 and 33 units exist; a missing one makes an odd number even.
    for (const [outputs, rows] of [
      [80, 64],
      [41, 7],
      [48, 100],
      [73, 1],
    ]) {
      const next = uniforms(outputs)
      const fires = Array.from({ length: rows }, () =>
        Array.from({ length: PANEL }, (_, unit) => unit < outputs - PANEL && next() < 0.2 + 0.02 * unit),
      )
      const buffers = new FencedBuffers(memory)
      const operand = buffers.output(Operand.bytes / 4)
      const pairings = buffers.output(4 * PANEL)
      const panel = buffers.input(Float32Array.from(fires.flat(), (fired) => (fired ? 0.5 : 0)))
      const scratch = buffers.output(2 * PANEL)
      writeStructure(memory.buffer, operand, Operand, { columns: outputs, pairings })
      const words = new Uint32Array(memory.buffer, pairings, 4 * PANEL).fill(99)
      kernels.pairUnits(operand, 24, 1, panel, rows, scratch)
      const what = `${outputs} units, ${rows} rows`
      buffers.check(what)
      // Step 24 lies in block 1: block 2 has the first of the two pairings, and panel 1 is its second half.
      const untouched = Array(PANEL).fill(99)
      assert.equal([...words.subarray(0, PANEL)], untouched, `${what}: panel 0`)
      assert.equal([...words.subarray(2 * PANEL)], [...untouched, ...untouched], `${what}: the block's own`)
      const units = 2 * Math.ceil((outputs - PANEL) / 2)
      assert.equal([...words.subarray(PANEL, 2 * PANEL)], paired(fires, units), what)
    }
  })

  test.run()
}
