import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { mapFixed } from '../../src/engines/wasm/memory-map.ts'
import { BATCH_FIELDS, JOB_FIELDS, LAYER_FIELDS, OPERAND_FIELDS } from '../../src/engines/wasm/plan.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { CORE_BUILDS, coreBytes, loadCore } from '../support/core.ts'
import { dataRanges, OPCODE, operations, SECTION, sections } from '../support/wasm-code.ts'

/** What the host calls; the rest is for tests and benchmarks. */
const HOST_EXPORTS = [
  'train',
  'infer',
  'initializeWeights',
  'shuffleOrder',
  'relaxed',
  'jobBytes',
  'layerPlanBytes',
  'batchPlanBytes',
]

function exportsOf(module: WebAssembly.Module): string[] {
  return WebAssembly.Module.exports(module)
    .map(({ name, kind }) => `${kind} ${name}`)
    .sort()
}

const reference = exportsOf(new WebAssembly.Module(coreBytes('relaxed')))

for (const build of CORE_BUILDS) {
  const test = suite(`the compiled core ${build}`)
  const bytes = coreBytes(build)
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
    const { control } = mapFixed(hourglass({ input: 1, hidden: 1, bottleneck: 1 }), 1)
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

  test('has the exports of all builds, and those that the host calls', () => {
    assert.equal(exportsOf(module), reference)
    for (const name of HOST_EXPORTS) assert.ok(reference.includes(`function ${name}`), name)
  })

  if (build.startsWith('relaxed')) {
    test('multiplies and adds by the relaxed instruction, and has no other relaxed one', async () => {
      assert.equal(relaxedOperations, [OPCODE.relaxedMultiplyAdd])
      assert.is((await loadCore(build)).kernels.relaxed(), 1)
    })
  } else {
    test('has no relaxed instruction', async () => {
      assert.equal(relaxedOperations, [])
      assert.is((await loadCore(build)).kernels.relaxed(), 0)
    })
  }

  test('lets workers count, wait and wake by atomic operations', () => {
    for (const opcode of [OPCODE.atomicAdd32, OPCODE.atomicWait32, OPCODE.atomicNotify]) {
      assert.ok((counts.get(opcode) ?? 0) > 0, `no ${opcode.toString(16)}`)
    }
  })

  test('reads structures of the sizes that the host writes', async () => {
    const { kernels } = await loadCore(build)
    assert.is(kernels.jobBytes(), JOB_FIELDS.length * 4, 'job')
    assert.is(kernels.layerPlanBytes(), LAYER_FIELDS.length * 4, 'layer')
    assert.is(kernels.batchPlanBytes(), BATCH_FIELDS.length * 4, 'batch')
    assert.is(kernels.operandBytes(), OPERAND_FIELDS.length * 4, 'operand')
  })

  test.run()
}
