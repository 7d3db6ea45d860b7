import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../src/errors.ts'
import { writeFolder } from '../../src/files/folder.ts'
import { writeFileAtomically } from '../../src/files/write.ts'
import { expectFileError } from '../support/file-error.ts'
import { rejection } from '../support/rejection.ts'

const test = suite('folders', { directory: '' })
test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'hourglass-folder-'))
})
test.after.each(({ directory }) => rmSync(directory, { recursive: true }))

async function* entries(failing = false) {
  yield { name: 'a.txt', bytes: Uint8Array.of(65) }
  yield { name: 'b/c.txt', bytes: Uint8Array.of(66) }
  if (failing) throw new UsageError('no more')
}

test('a folder appears whole, where there was none or an empty one', async ({ directory }) => {
  mkdirSync(join(directory, 'empty'))
  for (const name of ['new', 'empty', 'slash/']) {
    assert.is(await writeFolder(join(directory, name), entries()), 2)
    assert.is(readFileSync(join(directory, name, 'b', 'c.txt'), 'utf8'), 'B')
  }
  assert.equal(readdirSync(directory).sort(), ['empty', 'new', 'slash'])
})

test('nothing is left where it failed, and nobody loses files', async ({ directory }) => {
  await rejection(writeFolder(join(directory, 'new'), entries(true)), UsageError)
  assert.equal(readdirSync(directory), [])
  mkdirSync(join(directory, 'full'))
  writeFileSync(join(directory, 'full', 'mine'), '')
  await expectFileError(writeFolder(join(directory, 'full'), entries()), 'new or an empty folder', '1 entry')
  assert.equal(readdirSync(join(directory, 'full')), ['mine'])
  await expectFileError(
    writeFolder(join(directory, 'full', 'mine'), entries()),
    'expected a folder, found a file',
  )
})

test('a file is written a part at a time, whole or not at all', async ({ directory }) => {
  const file = join(directory, 'parts')
  async function* parts(failing: boolean) {
    yield Uint8Array.of(65, 66)
    if (failing) throw new UsageError('no more')
    yield Uint8Array.of(67)
  }
  await writeFileAtomically(file, parts(false))
  assert.is(readFileSync(file, 'utf8'), 'ABC')
  await rejection(writeFileAtomically(file, parts(true)), UsageError)
  assert.is(readFileSync(file, 'utf8'), 'ABC')
  assert.equal(readdirSync(directory), ['parts'])
})

test.run()
