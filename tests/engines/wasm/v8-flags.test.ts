/** A library leaves the flags of V8 alone unless its caller says otherwise. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { canFuse } from '../../../src/engines/wasm/node-v8.ts'
import { runNode } from '../../support/processes.ts'
import { skipTest } from '../../support/skip.ts'

const LIBRARY = new URL('../../../src/index.ts', import.meta.url).href

/** What a program prints that notes every flag of V8 that is set; `FLAGS` and `createEngine` are at hand. */
async function run(program: string): Promise<string> {
  const text = `
    import { createRequire, syncBuiltinESMExports } from 'node:module'
    const v8 = createRequire(import.meta.url)('node:v8')
    const FLAGS = []
    const { setFlagsFromString } = v8
    v8.setFlagsFromString = (flag) => { FLAGS.push(flag.replace(/=.*/, '')); setFlagsFromString(flag) }
    syncBuiltinESMExports()
    const { createEngine, hourglass } = await import('${LIBRARY}')
    const network = hourglass({ input: 20, hidden: 8, bottleneck: 2 })
    const done = ({ info }) => console.log(info.arithmetic, [...new Set(FLAGS)].join(' '))
    ${program}
    process.exit()`
  const { code, stdout, stderr } = await runNode(['--input-type=module', '--eval', text])
  assert.is(code, 0, stderr)
  return stdout
}

test('by default none is set', async () => {
  assert.is(
    await run(`done(await createEngine(network, { device: 'cpu', threads: 1 }))`),
    'relaxed SIMD 128-bit \n',
  )
})

const needsFusing = 'with v8Flags 256-bit arithmetic is tried; without, asking for it is refused in a line'
if (!canFuse) skipTest(test, needsFusing, 'this Node or processor cannot fuse to 256 bits')
else {
  test(needsFusing, async () => {
    const allowed = await run(
      `done(await createEngine(network, { device: 'cpu', threads: 1, v8Flags: true }))`,
    )
    assert.match(allowed, '--experimental-wasm-revectorize')
    const refused = await run(`
      const engine = createEngine(network, { device: 'cpu', simd: '256', threads: 1 })
      await engine.then(done, (error) => console.log(error.name, error.message, FLAGS.length))`)
    assert.match(
      refused,
      /^DeviceError simd 256: needs --experimental-wasm-revectorize, .* v8Flags: true, .* 0\n$/,
    )
  })
}

test.run()
