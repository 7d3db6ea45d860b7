/** Turns of the event loop between the jobs of an engine that shares its thread with none but them. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { turnsNowAndThen } from '../../../src/engines/wasm/turns.ts'

/** Computes, and hears nothing meanwhile. */
function compute(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

test('in a turn a message that waits is heard, and no timer holds it up', async () => {
  const takeTurn = turnsNowAndThen()
  await takeTurn()
  const { port1, port2 } = new MessageChannel()
  let heard = 0
  port1.onmessage = () => {
    heard++
  }
  const { setTimeout } = globalThis
  globalThis.setTimeout = (() => assert.unreachable('a timer was set')) as unknown as typeof setTimeout
  try {
    for (const count of [1, 2, 3]) {
      port2.postMessage(undefined)
      compute(25)
      await takeTurn()
      assert.is(heard, count)
    }
  } finally {
    globalThis.setTimeout = setTimeout
    port1.close()
  }
})

test.run()
