import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { delegate } from '../../src/engines/delegate.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { hourglass } from '../../src/model/recipes.ts'

test('every call goes to the same method with the same arguments, and its result comes back', () => {
  const engine = createReferenceEngine(hourglass({ input: 4, hidden: 3, bottleneck: 1 }))
  const names = Object.entries(engine).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []))
  assert.ok(names.includes('trainEpoch'))
  const calls: string[] = []
  const recording = Object.fromEntries(
    names.map((name) => [name, (...given: unknown[]) => calls.push(`${name}(${given.join()})`)]),
  )
  const through = delegate({ ...engine, ...recording } as unknown as Engine)
  assert.equal(Object.keys(through).sort(), Object.keys(engine).sort())
  const wanted: string[] = []
  for (const name of names) {
    const call = through[name as 'forward'] as (...given: unknown[]) => unknown
    const given = name === 'rowLosses' ? ['rows', 'labels'] : /read|dispose/.test(name) ? [] : ['one']
    assert.is(call(...given), calls.length)
    wanted.push(`${name}(${given.join()})`)
  }
  assert.equal(calls, wanted)
  assert.is(through.network, engine.network)
  assert.is(through.info, engine.info)
})

test.run()
