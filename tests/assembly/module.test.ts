import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WASM_BITS } from '../../src/engines/options.ts'
import { bitsOf } from '../../src/engines/wasm/core.ts'
import { mapFixed } from '../../src/engines/wasm/memory-map.ts'
import { BatchPlan, Job, LayerPlan, Operand } from '../../src/engines/wasm/plan.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { CORE_BUILDS, coreBytes, loadCore } from '../support/core.ts'
import { dataRanges, OPCODE, operations, SECTION, sections } from '../support/wasm-code.ts'

/** What the host calls: all that the released core exports. */
const HOST_EXPORTS = [
  'arrangeBatches',
  'gemmTile',
  'infer',
  'initializeWeights',
  'packWeights',
  'shuffleOrder',
  'signRows',
  'squareAndAdd',
  'train',
  'unpackWeights',
  'workerBytes',
]

const RELEASES = ['relaxed', 'plain'] as const

function exportsOf(module: WebAssembly.Module): string[] {
  return WebAssembly.Module.exports(module)
    .map(({ name, kind }) => `${kind} ${name}`)
    .sort()
}

const reference = exportsOf(new WebAssembly.Module(coreBytes('relaxed')))

const MODULES = [
  ...RELEASES.map((build) => ({ build, name: 'core' as const })),
  ...CORE_BUILDS.map((build) => ({ build, name: 'testing' as const })),
]

for (const { build, name } of MODULES) {
  const test = suite(`the compiled module ${name}.${build}`)
  const bytes = coreBytes(build, name)
  const module = new WebAssembly.Module(bytes)
  const counts = operations(bytes)
  const relaxedOperations = [...counts.keys()].filter(
    (opcode) => opcode >= OPCODE.firstRelaxed && opcode <= OPCODE.lastRelaxed,
  )

  test('imports one memory and nothing else, and the memory must be shared', () => {
    assert.equal(WebAssembly.Module.imports(module), [{ module: 'env', name: 'memory', kind: 'memory' }])
    const instantiate = (shared: boolean) => {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared })
      return new WebAssembly.Instance(module, { env: { memory } })
    }
    assert.throws(() => instantiate(false), /shared/)
    instantiate(true)
  })

  test('writes nothing where the host keeps something when a worker instantiates it', () => {
    // A worker that is replaced instantiates the core again, in the middle of whatever the others do.
    const { control } = mapFixed(hourglass({ input: 1, hidden: 1, bottleneck: 1 }), 1, 64)
    for (const { address, end } of dataRanges(bytes)) {
      assert.ok(address > 0 && end <= control, `data at ${address} … ${end}, the host begins at ${control}`)
    }
    const hasStart = sections(bytes).some(({ id }) => id === SECTION.start)
    assert.not(hasStart, 'a start function')
  })

  test('keeps no state and never grows the memory', () => {
    assert.is(counts.get(OPCODE.globalSet) ?? 0, 0, 'global.set')
    assert.is(counts.get(OPCODE.memoryGrow) ?? 0, 0, 'memory.grow')
  })

  if (name === 'core') {
    test('exports what the host calls, and nothing else', () => {
      assert.equal(exportsOf(module), [...HOST_EXPORTS.map((each) => `function ${each}`), 'memory memory'])
    })
  } else {
    test('has the exports of all builds, those of the core among them', () => {
      assert.equal(exportsOf(module), reference)
      for (const each of HOST_EXPORTS) assert.ok(reference.includes(`function ${each}`), each)
    })

    test('reads structures of the sizes that the host writes', async () => {
      const { kernels } = await loadCore(build)
      assert.is(kernels.jobBytes(), Job.bytes, 'job')
      assert.is(kernels.layerPlanBytes(), LayerPlan.bytes, 'layer')
      assert.is(kernels.batchPlanBytes(), BatchPlan.bytes, 'batch')
      assert.is(kernels.operandBytes(), Operand.bytes, 'operand')
    })
  }

  if (build.startsWith('relaxed')) {
    test('multiplies and adds by the relaxed instruction, and has no other relaxed one', async () => {
      assert.equal(relaxedOperations, [OPCODE.relaxedMultiplyAdd])
      // What the processor makes of it: one rounding, or two.
      assert.ok(Object.values<string>(WASM_BITS).includes(bitsOf((await loadCore(build)).kernels)))
    })
  } else {
    test('has no relaxed instruction', async () => {
      assert.equal(relaxedOperations, [])
      assert.is(bitsOf((await loadCore(build)).kernels), WASM_BITS.separate)
    })
  }

  test('lets workers count, wait and wake by atomic operations', () => {
    for (const opcode of [OPCODE.atomicAdd32, OPCODE.atomicWait32, OPCODE.atomicNotify]) {
      assert.ok((counts.get(opcode) ?? 0) > 0, `no ${opcode.toString(16)}`)
    }
  })

  test.run()
}
