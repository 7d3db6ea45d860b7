/** The engine beside a host that has other things to do on the same thread. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createEngine } from '../../../src/engines/create.ts'
import { hourglass } from '../../../src/model/recipes.ts'

const test = suite('tasks of the host')

test('writing a state leaves the thread to others before each slab', async () => {
  const engine = await createEngine(hourglass({ input: 784, hidden: 392, bottleneck: 8 }), { threads: 1 })
  try {
    await engine.initialize(1)
    const state = await engine.readState()
    let turns = 0
    let next = setTimeout(function turn() {
      turns++
      next = setTimeout(turn, 0)
    }, 0)
    await engine.writeState(state)
    clearTimeout(next)
    assert.ok(turns >= 3, `expected at least 3 turns of the host, found ${turns}`)
    assert.equal((await engine.readState()).parameters, state.parameters)
  } finally {
    await engine.dispose()
  }
})

test.run()
