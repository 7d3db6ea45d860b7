import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDataset } from '../../../src/data/node-files.ts'
import type { Engine } from '../../../src/engines/engine.ts'
import type { Simd } from '../../../src/engines/options.ts'
import { createWasmEngine } from '../../../src/engines/wasm/node.ts'
import { compareWithTrajectory, parseTrajectory, trajectoryRows } from '../../../src/training/parity.ts'
import { MIXED_TRAJECTORIES } from '../../support/trajectories.ts'

const test = suite('PyTorch trajectories on the WASM engine')

const FILES = ['z2-b64.json', 'z8-b256.json', 'z32-b96.json', ...MIXED_TRAJECTORIES, 'deep-mnist.json']
/**
 * Every thread count with the arithmetic of this machine, and the other arithmetics with one and with many.
 */
const CONFIGURATIONS: readonly (readonly [Simd, number])[] = [
  ['plain', 1],
  ['plain', 8],
  ['128', 1],
  ['128', 3],
  ['auto', 1],
  ['auto', 2],
  ['auto', 3],
  ['auto', 5],
  ['auto', 8],
]

/** Weights of a file and an arithmetic: the same with any number of threads, fused or not. */
const hashes = new Map<string, string>()

async function assertSameWeights(engine: Engine, what: string): Promise<void> {
  const { parameters } = await engine.readState()
  const hash = createHash('sha256').update(Float32Array.from(parameters)).digest('hex')
  assert.is(hashes.get(what) ?? hash, hash, what)
  hashes.set(what, hash)
}

const { train } = await loadDataset()

for (const file of FILES) {
  const text = readFileSync(new URL(`../../fixtures/parity/${file}`, import.meta.url), 'utf8')
  const trajectory = parseTrajectory(text, file)
  const rows = trajectoryRows(trajectory) ?? train.rows
  for (const [simd, threads] of CONFIGURATIONS) {
    const name = `${file}, --simd ${simd}, ${threads} threads: losses within 1e-6, tensors within 4 × PyTorch's own error`
    test(name, async () => {
      const engine = await createWasmEngine(trajectory.network, { threads, simd })
      try {
        const report = await compareWithTrajectory(engine, trajectory, rows)
        assert.is(report.lossTolerance, 1e-6)
        assert.ok(report.lossError <= report.lossTolerance, `loss: ${report.lossError}`)
        assert.is(report.tensors.length, 2 * trajectory.network.layers.length)
        for (const tensor of report.tensors) {
          assert.is(tensor.tolerance, 4 * tensor.pytorchError)
          assert.ok(tensor.passed, `${tensor.name}: ${JSON.stringify(tensor)}`)
        }
        assert.ok(report.passed)
        await assertSameWeights(engine, `${file}, ${engine.info.bits}`)
      } finally {
        await engine.dispose()
      }
    })
  }
}

test.run()
