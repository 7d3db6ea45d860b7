import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

/** Imports the library in a process that takes itself for another Node. */
function importOn(version: string): { code: number | null; stderr: string } {
  const library = new URL('../src/index.ts', import.meta.url).href
  const program = `
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })
    await import('${library}')`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { code: status, stderr }
}

test('the library says in one line that Node is too old', () => {
  const { code, stderr } = importOn('20.20.2')
  assert.is(code, 1)
  assert.match(
    stderr,
    /^\[HourglassError: hourglass-autoencoder: expected Node 22 or newer, found Node 20\.20\.2\]$/m,
  )
  assert.not.match(stderr, /^ +at /m, 'no stack')
})

test('Node 22 will do', () => {
  assert.equal(importOn('22.0.0'), { code: 0, stderr: '' })
})

test.run()
