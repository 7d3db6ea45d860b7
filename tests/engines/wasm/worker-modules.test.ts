/**
 * What a thread of the pool loads: each of sixteen has its own copy of every module, so one import too many
 * costs as many times what it takes.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemory } from '../../../src/engines/wasm/memory.ts'
import { chooseNodeModule } from '../../../src/engines/wasm/node.ts'

/** Run in the thread: imports its program, then tells what has been loaded. */
const PROGRAM = `
const { registerHooks } = require('node:module')
const { parentPort, workerData } = require('node:worker_threads')
const loaded = []
registerHooks({
  load(url, context, next) {
    loaded.push(url)
    return next(url, context)
  },
})
import(workerData.program).then(() => parentPort.postMessage(loaded))
`

test('a thread loads the core’s loader and two modules of ours, and nothing else', async () => {
  const { module } = await chooseNodeModule('auto')
  const program = new URL('../../../src/engines/wasm/node-worker.ts', import.meta.url).href
  const worker = new Worker(PROGRAM, { eval: true, workerData: { program, module, memory: createMemory() } })
  try {
    const [loaded] = (await once(worker, 'message')) as [string[]]
    const names = loaded
      .filter((url) => !url.startsWith('node:'))
      .map((url) => url.split(/\/(?:src|node_modules)\//)[1])
    assert.equal(names.sort(), [
      '@assemblyscript/loader/index.js',
      'engines/options.ts',
      'engines/wasm/core.ts',
      'engines/wasm/node-worker.ts',
    ])
  } finally {
    await worker.terminate()
  }
})

test.run()
