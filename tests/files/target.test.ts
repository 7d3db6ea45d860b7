import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FileError } from '../../src/errors.ts'
import { confinePath, resolveTarget } from '../../src/files/target.ts'
import { runNode } from '../support/processes.ts'
import { rejection } from '../support/rejection.ts'
import { skipTest } from '../support/skip.ts'

const test = suite('paths of files')
const directory = realpathSync(mkdtempSync(join(tmpdir(), 'hourglass-target-')))
test.after(() => rmSync(directory, { recursive: true, force: true }))

const folder = join(directory, 'run')
mkdirSync(join(folder, 'sub'), { recursive: true })
const file = join(folder, 'w.checkpoint.safetensors')
const confine = (stored: string) => confinePath(stored, { file, what: 'weights', flag: '--save' })

test('a path from a file counts from its folder', async () => {
  for (const stored of ['w.pth', './w.pth', 'sub/w.pth', 'sub/../w.pth', '..w.pth']) {
    assert.is(await confine(stored), join(folder, stored))
  }
  assert.is(await confine(join(folder, 'w.pth')), join(folder, 'w.pth'), 'from the root, but within')
  // A relative file gives a relative path: what is printed is as short as what was typed.
  const cwd = process.cwd()
  process.chdir(directory)
  try {
    const named = { file: 'run/w.checkpoint.safetensors', what: 'weights', flag: '--save' }
    assert.is(await confinePath('w.pth', named), join('run', 'w.pth'))
  } finally {
    process.chdir(cwd)
  }
})

test('and must not leave it', async () => {
  for (const stored of [
    '../w.pth',
    'sub/../../w.pth',
    '/etc/w.pth',
    '',
    '.',
    '..',
    'sub/nowhere/w.pth',
    'a\0b',
  ]) {
    const { message } = await rejection(confine(stored), FileError)
    assert.is(
      message,
      `${file}: expected a place for the weights within its own folder, found ${JSON.stringify(stored)}; ` +
        '--save says where they may go',
    )
  }
})

const links = 'not through a symbolic link either'
if (process.platform === 'win32') skipTest(test, links, 'not everyone may make links on Windows')
else {
  test(links, async () => {
    symlinkSync('..', join(folder, 'up'))
    symlinkSync('../outside.pth', join(folder, 'w-link.pth'))
    symlinkSync('sub', join(folder, 'down'))
    for (const stored of ['up/w.pth', 'w-link.pth']) {
      await rejection(confine(stored), FileError)
    }
    assert.is(await confine('down/w.pth'), join(folder, 'down/w.pth'))
    assert.is(relative(folder, await resolveTarget(join(folder, 'down/w.pth'))), join('sub', 'w.pth'))
  })
}

test('a working directory that was deleted is said in one line', async () => {
  if (process.platform === 'win32') return
  const gone = join(directory, 'gone')
  mkdirSync(gone)
  writeFileSync(join(gone, 'a'), '')
  const module = JSON.stringify(new URL('../../src/files/write.ts', import.meta.url).href)
  const code = `const { writeFileAtomically } = await import(${module})
    const { rmSync } = await import('node:fs')
    process.chdir(process.argv[1])
    rmSync(process.argv[1], { recursive: true })
    await writeFileAtomically('a', '').catch((error) => console.log(String(error)))`
  const { stdout } = await runNode(['--input-type=module', '--eval', code, gone])
  assert.match(stdout, /^FileError: a: the working directory cannot be used: no such file or directory\n$/)
})

test.run()
