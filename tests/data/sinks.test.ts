import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { float32Text } from '../../src/data/sinks/csv.ts'
import { pictureFiles, picturePage } from '../../src/data/sinks/pictures.ts'
import { type Cells, columnsOf, type Sheet } from '../../src/data/sinks/sheet.ts'
import { sinkFormat, writeSheet } from '../../src/data/sinks/sink.ts'
import { readNpy } from '../../src/data/sources/npy.ts'
import { readSource } from '../../src/data/sources/source.ts'
import type { Table } from '../../src/data/table.ts'
import { loadCanvas } from '../../src/figures/canvas.ts'
import { concatBytes } from '../../src/formats/bytes.ts'

const COLUMNS = [
  { name: 'id, or "name"', kind: 'text' },
  { name: 'x', kind: 'float32' },
  { name: 'y', kind: 'float64' },
  { name: 'n', kind: 'whole' },
] as const

function sheet(): Sheet {
  async function* parts(): AsyncGenerator<readonly Cells[]> {
    yield [['plain', 'a,b'], Float32Array.of(0.1, -2.5e-9), Float64Array.of(0.1, NaN), Int32Array.of(1, -2)]
    yield [['say "so"\nü🙂'], Float32Array.of(16777217), Float64Array.of(1 / 3), Int32Array.of(2 ** 31 - 1)]
  }
  return { count: 3, columns: COLUMNS, parts: parts() }
}

async function bytesOf(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  return concatBytes(chunks)
}

async function tableOf(file: string): Promise<Table> {
  const { train } = await readSource(await bytesOf(writeSheet(sheet(), file)), file)
  return train as Table
}

test('CSV by RFC 4180, to the letter', async () => {
  const text = new TextDecoder().decode(await bytesOf(writeSheet(sheet(), 'a.csv')))
  assert.is(
    text,
    '"id, or ""name""",x,y,n\r\n' +
      'plain,0.1,0.1,1\r\n' +
      '"a,b",-2.5e-9,,-2\r\n' +
      '"say ""so""\nü🙂",16777216,0.3333333333333333,2147483647\r\n',
  )
})

test('a float32 has the fewest digits that bring it back', () => {
  assert.is(float32Text(Math.fround(0.1)), '0.1')
  // NumPy's repr of the same.
  assert.is(float32Text(Math.fround(1 / 3)), '0.33333334')
  assert.is(float32Text(Math.fround(Math.PI)), '3.1415927')
  assert.is(float32Text(1), '1')
  assert.is(float32Text(Number.NaN), '')
  assert.is(float32Text(-Infinity), '-inf')
  for (let i = 1; i < 3000; i++) {
    const value = Math.fround(Math.sin(i) * 10 ** ((i % 60) - 30))
    assert.is(Math.fround(Number(float32Text(value))), value)
  }
})

for (const file of ['a.csv', 'a.parquet']) {
  test(`${file} reads back as it was written`, async () => {
    const { columns, count } = await tableOf(file)
    assert.is(count, 3)
    assert.equal(
      columns.map(({ name }) => name),
      COLUMNS.map(({ name }) => name),
    )
    const [texts, floats, doubles, wholes] = columns.map(({ values }) => [...values])
    assert.equal(texts, ['plain', 'a,b', 'say "so"\nü🙂'])
    assert.equal((floats as number[]).map(Math.fround), [0.1, -2.5e-9, 16777216].map(Math.fround))
    assert.equal(doubles, [0.1, Number.NaN, 1 / 3])
    assert.equal(wholes, [1, -2, 2 ** 31 - 1])
  })
}

test("an .npy is NumPy's own, byte for byte", async () => {
  const file = new URL('../fixtures/sources/array-lef4.npy', import.meta.url)
  const numpys = Uint8Array.from(readFileSync(file))
  const { data, shape } = readNpy(numpys, 'array')
  const [count, width] = shape
  const columns = Array.from({ length: width }, (_, i) => ({ name: `${i}`, kind: 'float32' as const }))
  async function* parts() {
    yield columnsOf(Float32Array.from(data).subarray(0, 2 * width), width)
    yield columnsOf(Float32Array.from(data).subarray(2 * width), width)
  }
  assert.equal(await bytesOf(writeSheet({ count, columns, parts: parts() }, 'a.npy')), numpys)
})

test('an .npz holds the numbers as rows, beside names and texts', async () => {
  const { train } = await readSource(await bytesOf(writeSheet(sheet(), 'a.npz')), 'a.npz')
  assert.ok(train.kind === 'values')
  assert.is(train.count, 3)
  // Float64, as one of the columns is.
  assert.equal([...train.rows].slice(0, 3), [Math.fround(0.1), 0.1, 1])
})

test('what a format has no room for is refused before a row is made', async () => {
  const refused = async (content: AsyncIterable<Uint8Array>, message: RegExp) => {
    const error = await bytesOf(content).catch((thrown: Error) => thrown)
    assert.match(String(error), message)
  }
  async function* parts(): AsyncGenerator<never> {
    throw new Error('a row was made')
    // biome-ignore lint/correctness/noUnreachable: a generator yields
    yield undefined as never
  }
  await refused(
    writeSheet({ count: 1, columns: COLUMNS, parts: parts() }, 'a.npy'),
    /UsageError: .*of text "id, or/,
  )
  const twice = [COLUMNS[1], COLUMNS[1]]
  await refused(
    writeSheet({ count: 1, columns: twice, parts: parts() }, 'a.csv'),
    /UsageError: .*found "x" twice/,
  )
  await refused(
    writeSheet({ count: 1, columns: COLUMNS, parts: parts() }, 'a.xls'),
    /UsageError: .*\.parquet/,
  )
  assert.is(sinkFormat('A.CSV'), 'csv')
})

const SHAPE = { width: 3, height: 2, channels: 1 } as const

async function* twoPictures() {
  yield Float32Array.of(0, 0.2, 1, -1, 0.5, 2, 1, 1, 1, 0, 0, 0)
}

/** Grey values by another decoder. */
async function decode(png: Uint8Array) {
  const { createCanvas, loadImage } = await loadCanvas()
  const image = await loadImage(Buffer.from(png))
  const canvas = createCanvas(image.width, image.height)
  const context = canvas.getContext('2d')
  context.drawImage(image, 0, 0)
  const { data } = context.getImageData(0, 0, image.width, image.height)
  return { width: image.width, height: image.height, grey: Array.from(data).filter((_, i) => i % 4 === 1) }
}

test('pictures as files: names of their own, no two equal, values clipped', async () => {
  const files = []
  const names = ['a/x.jpg', 'a/x.png']
  for await (const file of pictureFiles({ count: 2, shape: SHAPE, parts: twoPictures(), names }))
    files.push(file)
  // Who pairs input and output by their names finds that of a/x.png there.
  assert.equal(
    files.map(({ name }) => name),
    ['a/x-2.png', 'a/x.png'],
  )
  assert.equal(await decode(files[0].bytes), { width: 3, height: 2, grey: [0, 51, 255, 0, 128, 255] })
})

test('names that other pictures do not have are kept, whatever their case', async () => {
  const names = ['A.PNG', 'a.png', 'b.jpeg', 'b-2.png', 'b.webp', 'b.png', 'c/b.jpg']
  const parts = async function* () {
    yield new Float32Array(names.length * 6)
  }
  const found: string[] = []
  for await (const { name } of pictureFiles({ count: names.length, shape: SHAPE, parts: parts(), names }))
    found.push(name)
  assert.equal(found, ['A.PNG', 'a-2.png', 'b-3.png', 'b-2.png', 'b-4.png', 'b.png', 'c/b.png'])
})

test('a page is no wider than its pictures', async () => {
  const tall = { width: 1, height: 12, channels: 1 } as const
  for (const count of [1, 2]) {
    const parts = async function* () {
      yield new Float32Array(count * 12)
    }
    const page = await decode(await picturePage({ count, shape: tall, parts: parts() }))
    assert.equal([page.width, page.height], [3 * count - 2, 12])
  }
})

test('pictures on one page lie beside each other on white', async () => {
  const { width, height, grey } = await decode(
    await picturePage({ count: 2, shape: SHAPE, parts: twoPictures() }),
  )
  assert.equal([width, height], [8, 2])
  assert.equal(grey.slice(0, 8), [0, 51, 255, 255, 255, 255, 255, 255])
  assert.equal(grey.slice(8), [0, 128, 255, 255, 255, 0, 0, 0])
})

test.run()
