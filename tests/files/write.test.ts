import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  appendDurably,
  checkWritable,
  holdOutputs,
  makeDirectory,
  writeFileAtomically,
} from '../../src/files/write.ts'
import { expectFileError } from '../support/file-error.ts'
import { OWN_NAMESPACE, runNode, startUntilLine, withoutNamespaces } from '../support/processes.ts'
import { skipTest } from '../support/skip.ts'
import { content, versionOf } from './programs/content.ts'

const test = suite('the writer of files')
const directory = mkdtempSync(join(tmpdir(), 'hourglass-write-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

/** A fresh directory with these files. */
function directoryWith(files: Record<string, Uint8Array | string>): string {
  const made = mkdtempSync(join(directory, 'set-'))
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(made, name), bytes)
  return made
}

const program = (name: string) => fileURLToPath(new URL(`programs/${name}`, import.meta.url))
const WRITER = program('writer.ts')

test('writing replaces the target and leaves nothing else', async () => {
  const made = directoryWith({ 'a.txt': Buffer.from('old') })
  await writeFileAtomically(join(made, 'a.txt'), 'new')
  await writeFileAtomically(join(made, 'b.bin'), Uint8Array.of(1, 2, 255))
  assert.is(readFileSync(join(made, 'a.txt'), 'utf8'), 'new')
  assert.equal([...readFileSync(join(made, 'b.bin'))], [1, 2, 255])
  assert.equal(readdirSync(made).sort(), ['a.txt', 'b.bin'])
})

test('writers of one path at the same time do not meet', async () => {
  const path = join(directoryWith({}), 'a')
  await Promise.all(Array.from({ length: 8 }, (_, i) => writeFileAtomically(path, String(i).repeat(1000))))
  assert.match(readFileSync(path, 'utf8'), /^(\d)\1{999}$/)
})

const lateFailure = 'a write that fails half-way leaves the target as it was and no temporary file'
if (process.platform === 'win32') {
  skipTest(test, lateFailure, 'needs a shell with ulimit')
} else {
  test(lateFailure, () => {
    const made = directoryWith({ target: Buffer.from('old') })
    const module = JSON.stringify(new URL('../../src/files/write.ts', import.meta.url).href)
    const code = `const { writeFileAtomically } = await import(${module})
      await writeFileAtomically(process.argv[1], new Uint8Array(1e6)).catch((error) => console.log(String(error)))`
    // No file larger than 8 blocks of 512 bytes may be written in there.
    const script = 'ulimit -f 8; exec "$0" --input-type=module --eval "$1" "$2"'
    const path = join(made, 'target')
    const output = execFileSync('sh', ['-c', script, process.execPath, code, path], { encoding: 'utf8' })
    assert.match(output, /^FileError: .*target: cannot be written: .*too large/)
    assert.is(readFileSync(path, 'utf8'), 'old')
    assert.equal(readdirSync(made), ['target'])
  })
}

for (const [name, check] of Object.entries({
  checkWritable,
  writeFileAtomically: (path: string) => writeFileAtomically(path, 'x'),
})) {
  test(`${name} refuses what cannot be a file`, async () => {
    await expectFileError(check(directory), directory, 'found a directory')
    await expectFileError(check(join(directory, 'nowhere', 'a')), 'nowhere', 'no such file or directory')
    await expectFileError(check(`${join(directory, 'a')}/`), 'expected the name of a file')
    await expectFileError(check(''), 'expected the name of a file')
  })

  const pipe = `${name} refuses a pipe or device`
  if (process.platform === 'win32') {
    skipTest(test, pipe, 'needs mkfifo')
  } else {
    // A pipe of the test's own: were the check broken, writing to /dev/null would replace it on the whole
    // machine.
    test(pipe, async () => {
      const path = join(directoryWith({}), 'pipe')
      execFileSync('mkfifo', [path])
      await expectFileError(check(path), path, 'found a device or pipe')
    })
  }
}

test('checkWritable leaves no trace, whether the target exists or not', async () => {
  const made = directoryWith({ 'a.txt': Buffer.from('old') })
  await checkWritable(join(made, 'a.txt'))
  await checkWritable(join(made, 'b.txt'))
  assert.equal(readdirSync(made), ['a.txt'])
  assert.is(readFileSync(join(made, 'a.txt'), 'utf8'), 'old')
})

const readOnly = 'a directory without write permission'
if (process.getuid === undefined || process.getuid() === 0) {
  skipTest(test, readOnly, 'this user may write everywhere')
} else {
  test(readOnly, async () => {
    const made = directoryWith({})
    chmodSync(made, 0o555)
    await expectFileError(checkWritable(join(made, 'a')), 'writable directory', 'permission denied')
  })
}

const isPosix = process.platform !== 'win32'

/** For what Windows has not. */
function posixTest(name: string, body: () => Promise<void>): void {
  if (isPosix) test(name, body)
  else skipTest(test, name, 'Windows has no modes, owners and symbolic links for everyone')
}

posixTest('a file that is replaced keeps its mode, and its owner where the system allows', async () => {
  const made = directoryWith({ secret: 'old', shared: 'old' })
  chmodSync(join(made, 'secret'), 0o600)
  chmodSync(join(made, 'shared'), 0o664)
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(join(made, 'secret'), 1234, 2345)
  for (const name of ['secret', 'shared']) await writeFileAtomically(join(made, name), 'new')
  const { mode, uid, gid } = statSync(join(made, 'secret'))
  assert.is(mode & 0o7777, 0o600)
  if (isRoot) assert.equal([uid, gid], [1234, 2345])
  assert.is(statSync(join(made, 'shared')).mode & 0o7777, 0o664)
  assert.is(readFileSync(join(made, 'secret'), 'utf8'), 'new')
})

posixTest('a read-only file is refused, for root too, and stays as it is', async () => {
  const made = directoryWith({ kept: 'old' })
  const path = join(made, 'kept')
  chmodSync(path, 0o444)
  const refused = (attempt: Promise<unknown>) =>
    expectFileError(attempt, path, 'found it read-only (mode 0444)')
  await refused(checkWritable(path))
  await refused(writeFileAtomically(path, 'new'))
  await refused(holdOutputs([path]))
  assert.is(readFileSync(path, 'utf8'), 'old')
  assert.equal(readdirSync(made), ['kept'])
})

posixTest('symbolic links are written through, to what is not there yet too', async () => {
  const made = directoryWith({ 'a.txt': 'old' })
  mkdirSync(join(made, 'deep'))
  symlinkSync('a.txt', join(made, 'link'))
  symlinkSync('../link', join(made, 'deep/second'))
  symlinkSync('deep/none', join(made, 'dangling'))
  await writeFileAtomically(join(made, 'deep/second'), 'new')
  await writeFileAtomically(join(made, 'dangling'), 'made')
  assert.is(readFileSync(join(made, 'a.txt'), 'utf8'), 'new')
  assert.is(readFileSync(join(made, 'deep/none'), 'utf8'), 'made')
  assert.is(readlinkSync(join(made, 'link')), 'a.txt')
  assert.is(readlinkSync(join(made, 'deep/second')), '../link')
  assert.ok(lstatSync(join(made, 'dangling')).isSymbolicLink())
  assert.equal(readdirSync(made).sort(), ['a.txt', 'dangling', 'deep', 'link'])

  symlinkSync('round', join(made, 'round'))
  await expectFileError(writeFileAtomically(join(made, 'round'), ''), 'links that lead in a circle')
  symlinkSync('nowhere/a', join(made, 'lost'))
  await expectFileError(checkWritable(join(made, 'lost')), 'lost', 'no such file or directory')
})

posixTest('hard links are said, and the other name keeps the old content', async () => {
  const made = directoryWith({ first: 'old' })
  const path = join(made, 'first')
  linkSync(path, join(made, 'second'))
  const outputs = await holdOutputs([path])
  assert.equal(outputs.notes, [`${path}: has 2 hard links; the other names will keep the old content`])
  await writeFileAtomically(path, 'new')
  await outputs.release()
  assert.is(readFileSync(join(made, 'second'), 'utf8'), 'old')
})

posixTest('two paths of one file are no two outputs, through a linked folder either', async () => {
  const made = directoryWith({})
  mkdirSync(join(made, 'sub'))
  symlinkSync('sub', join(made, 'linked'))
  const [first, second] = [join(made, 'sub/w.pth'), join(made, 'linked/w.pth')]
  await expectFileError(holdOutputs([first, second]), second, `expected another file than ${first}`)
  assert.equal(readdirSync(join(made, 'sub')), [])
})

test('a name as long as the file system takes', async () => {
  const made = directoryWith({})
  const name = `${'n'.repeat(250)}.pth`
  await writeFileAtomically(join(made, name), 'new')
  assert.equal(readdirSync(made), [name])
  await expectFileError(writeFileAtomically(join(made, 'n'.repeat(300)), ''), 'the name is too long')
})

test('a folder deep below the root', async () => {
  const deep = join(directoryWith({}), 'd'.repeat(90), 'e'.repeat(90))
  mkdirSync(deep, { recursive: true })
  const outputs = await holdOutputs([join(deep, 'a')])
  const claims = readdirSync(deep)
  assert.is(claims.length, 1)
  if (process.platform === 'linux') assert.ok(lstatSync(join(deep, claims[0])).isSocket())
  await outputs.release()
  assert.equal(readdirSync(deep), [])
})

test('a directory is made with those above it, and refused in words', async () => {
  const made = directoryWith({ file: Buffer.from('content') })
  const deep = join(made, 'a/b/c')
  await makeDirectory(deep)
  await makeDirectory(`${deep}/`)
  assert.ok(statSync(deep).isDirectory())
  await expectFileError(makeDirectory(join(made, 'file')), 'a file of that name is there')
  await expectFileError(makeDirectory(join(made, 'file/below')), 'part of the path is not a directory')
  await expectFileError(makeDirectory(''), 'expected the name of a directory')
})

posixTest('a directory is not made where a link leads nowhere, or in a circle', async () => {
  const made = directoryWith({})
  symlinkSync('nowhere', join(made, 'lost'))
  symlinkSync('round', join(made, 'round'))
  await expectFileError(makeDirectory(join(made, 'lost')), 'no such file or directory')
  await expectFileError(makeDirectory(join(made, 'lost/below')), 'no such file or directory')
  await expectFileError(makeDirectory(join(made, 'round')), 'lead in a circle')
  mkdirSync(join(made, 'there'))
  symlinkSync('there', join(made, 'link'))
  await makeDirectory(join(made, 'link/below'))
  assert.ok(statSync(join(made, 'there/below')).isDirectory())
})

const noDirectory = 'a directory that the system will not have is refused'
if (process.platform === 'linux') {
  // The recursive mkdir of Node 26 does not end here.
  test(noDirectory, () => expectFileError(makeDirectory('/proc/none'), 'no such file or directory'))
} else {
  skipTest(test, noDirectory, 'there is no /proc')
}

test('what is appended is whole or not there', async () => {
  const made = directoryWith({ 'runs.jsonl': 'one\n' })
  await appendDurably(join(made, 'runs.jsonl'), 'two\n')
  await appendDurably(join(made, 'new.jsonl'), 'one\n')
  assert.is(readFileSync(join(made, 'runs.jsonl'), 'utf8'), 'one\ntwo\n')
  assert.is(readFileSync(join(made, 'new.jsonl'), 'utf8'), 'one\n')
  assert.equal(readdirSync(made).sort(), ['new.jsonl', 'runs.jsonl'])
})

posixTest('an append that fails half-way takes its half back', async () => {
  const made = directoryWith({ 'runs.jsonl': 'one\n' })
  const module = JSON.stringify(new URL('../../src/files/write.ts', import.meta.url).href)
  const code = `const { appendDurably } = await import(${module})
    for (const path of process.argv.slice(1)) {
      await appendDurably(path, 'x'.repeat(1e6)).catch((error) => console.log(String(error)))
    }`
  const script = 'ulimit -f 8; exec "$0" --input-type=module --eval "$1" "$2" "$3"'
  const paths = ['runs.jsonl', 'new.jsonl'].map((name) => join(made, name))
  const output = execFileSync('sh', ['-c', script, process.execPath, code, ...paths], { encoding: 'utf8' })
  assert.match(output, /^FileError: .*runs\.jsonl: cannot be written: .*too large.*\nFileError: .*new\.jsonl/)
  assert.is(readFileSync(paths[0], 'utf8'), 'one\n')
  assert.equal(readdirSync(made), ['runs.jsonl'])
})

test('within a process too, a file belongs to one run', async () => {
  const path = join(directoryWith({}), 'a')
  const listeners = process.listenerCount('exit')
  const outputs = await holdOutputs([path])
  await expectFileError(holdOutputs([path]), path, 'expected a file that no other run writes')
  await writeFileAtomically(path, 'its own')
  await outputs.release()
  await outputs.release()
  await (await holdOutputs([path])).release()
  assert.is(process.listenerCount('exit'), listeners, 'nothing is left behind in the program')
})

/** Holds `path` in a process that is then killed. */
async function holdAndKill(path: string, words: readonly string[], during?: () => Promise<void>) {
  const [first, ...rest] = [...words, process.execPath, WRITER, 'hold', path]
  const holder = await startUntilLine(first, rest)
  try {
    assert.match(holder.line, /^held \d+$/)
    await during?.()
  } finally {
    await holder.kill()
  }
  return holder.line
}

test('another process is refused while a run lives, and let in when it was killed', async () => {
  const made = directoryWith({})
  const path = join(made, 'a')
  const left = join(made, `.a.${'0f'.repeat(16)}.tmp`)
  const line = await holdAndKill(path, [], async () => {
    await expectFileError(holdOutputs([path]), path, 'found one that does (process ')
    await expectFileError(writeFileAtomically(path, ''), path, 'found one that does')
    writeFileSync(left, 'half of a fi')
  })
  assert.is(readdirSync(made).length, 2, `${line}: its claim and its temporary file are left`)
  writeFileSync(join(made, '.a.note.tmp'), 'of somebody else')
  await writeFileAtomically(path, 'new')
  assert.equal(readdirSync(made).sort(), ['.a.note.tmp', 'a'])
})

const namespaces =
  'in two containers the processes have the same id: refused while one lives, let in when it was killed'
const reason = withoutNamespaces()
if (reason !== undefined) {
  skipTest(test, namespaces, reason)
} else {
  test(namespaces, async () => {
    const made = directoryWith({})
    const path = join(made, 'a')
    const [program, ...flags] = OWN_NAMESPACE
    const tryIt = async () =>
      (await startUntilLine(program, [...flags, process.execPath, WRITER, 'try', path])).line
    const line = await holdAndKill(path, OWN_NAMESPACE, async () => {
      assert.match(await tryIt(), /^FileError: .*expected a file that no other run writes.*another container/)
    })
    assert.is(line, 'held 1')
    assert.is(readdirSync(made).length, 1)
    assert.is(await tryIt(), 'held')
    assert.equal(readdirSync(made), [])
  })
}

test('a folder that takes no sockets: a claim is a file, and its owner is known by id and start', async () => {
  const made = directoryWith({})
  const path = join(made, 'a')
  const args = ['--import', program('no-sockets.mjs'), WRITER, 'hold', path]
  const holder = await startUntilLine(process.execPath, args)
  const [claim] = readdirSync(made)
  assert.ok(lstatSync(join(made, claim)).isFile())
  await expectFileError(checkWritable(path), path, 'found one that does (process ')
  await holder.kill()
  // The same id, taken by a process that started at another time.
  const reborn = claim.replace(/-\d+-\d+-(run-[0-9a-f]+\.lock)$/, `-${process.pid}-1-$1`)
  writeFileSync(join(made, reborn), '')
  await checkWritable(path)
  assert.equal(readdirSync(made), process.platform === 'linux' ? [] : [reborn])
  // Of another namespace, where the id says nothing: it counts for as long as it is fresh.
  if (process.platform !== 'linux') return
  writeFileSync(join(made, claim.replace(/^(\.a\.[0-9a-f]{8}-)\d+/, '$11')), '')
  await expectFileError(checkWritable(path), path, 'in another container')
})

test('a claim of another machine counts while it is renewed', async () => {
  const made = directoryWith({ '.a.00000000-0-1-1-run-0123456789abcdef.lock': '' })
  await expectFileError(checkWritable(join(made, 'a')), 'another container or on another machine')
})

posixTest(
  'each call of a write in turn is the last one: the file is whole, and the next run cleans up',
  async () => {
    const made = directoryWith({})
    const path = join(made, 'a')
    const preload = ['--import', program('file-calls.mjs')]
    const write = (from: number, to: number, env = {}) =>
      runNode([...preload, WRITER, 'write', path, String(from), String(to)], env)
    const { stdout, code } = await write(1, 2)
    assert.is(code, 0)
    assert.match(stdout, /open writeFile chmod sync rename open sync/, 'content durable, then its name')
    const calls = stdout.trim().split(' ').length
    const kill = async (killAt: number) => {
      const { signal } = await write(3, 4, { KILL_AT: String(killAt) })
      assert.is(signal, 'SIGKILL', `call ${killAt}`)
      assert.ok([2, 3, 4].includes(versionOf(readFileSync(path))), `call ${killAt}`)
      // The next run is one of this process.
      await writeFileAtomically(path, content(2))
      assert.equal(readdirSync(made), ['a'], `call ${killAt}`)
    }
    for (let killAt = 1; killAt <= calls; killAt++) await kill(killAt)
  },
)

test('of several files that cannot be written the first is named, every time', async () => {
  for (let i = 0; i < 200; i++) {
    const paths = ['nowhere/a.pth', 'nowhere/b.safetensors'].map((name) =>
      join(tmpdir(), `missing-${i}`, name),
    )
    const error = await holdOutputs(paths).catch((cause: unknown) => cause)
    assert.ok(String(error).includes('a.pth: expected a writable directory'), String(error))
  }
})

test.run()
