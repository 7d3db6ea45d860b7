/** Every source of own data against what NumPy, pandas, pyarrow and Pillow read in the same files. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fitFeatures, labelsOf, rowsOf } from '../../src/data/features.ts'
import { loadSource } from '../../src/data/sources/node.ts'
import { readNpy } from '../../src/data/sources/npy.ts'
import { readSource } from '../../src/data/sources/source.ts'
import { loadDecoder } from '../../src/data/sources/webp.ts'
import type { Source, Table, Values } from '../../src/data/table.ts'
import { FileError, HourglassError, UsageError } from '../../src/errors.ts'
import { refuses } from '../support/rejection.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/sources')
const fixture = (name: string) => join(FIXTURES, name)

type Json = number | string | null
interface ExpectedArray {
  readonly shape: number[]
  readonly values: Json[]
}
const expected = JSON.parse(await readFile(fixture('expected.json'), 'utf8')) as Record<string, unknown>

/** As JSON holds them: NaN is null. */
function numbers(values: ArrayLike<number>): Json[] {
  return Array.from(values, (value) =>
    Number.isNaN(value) ? null : value === Infinity ? 'inf' : value === -Infinity ? '-inf' : value,
  )
}

function tableOf({ train }: Source): Table {
  if (train.kind !== 'table') throw new Error('no table')
  return train
}

function valuesOf({ train }: Source): Values {
  if (train.kind !== 'values') throw new Error('no values')
  return train
}

function refused(work: () => unknown, type: typeof FileError | typeof UsageError, pattern: RegExp): void {
  assert.throws(work, (error: Error) => error instanceof type && pattern.test(error.message))
}

const refusedLater = (work: Promise<unknown>, pattern: RegExp) => refuses(work, FileError, pattern)

for (const [name, wanted] of Object.entries(expected)) {
  if (!name.endsWith('.npy')) continue
  test(`${name} as NumPy reads it`, async () => {
    const { shape, values } = wanted as ExpectedArray
    const array = readNpy(await readFile(fixture(name)), name)
    assert.equal(array.shape, shape)
    assert.equal(numbers(array.data), values)
    assert.is(array.data instanceof Uint8Array, /u1|pictures|colour/.test(name))
  })
}

test('the shape of an array says whether its rows are pictures', async () => {
  const shape = async (name: string) => valuesOf(await loadSource(fixture(name))).picture
  assert.equal(await shape('pictures.npy'), { width: 6, height: 5, channels: 1 })
  assert.equal(await shape('colour.npy'), { width: 4, height: 4, channels: 3 })
  assert.is(await shape('array-lef4.npy'), undefined)
})

test("Keras' archive brings rows, labels and a test set", async () => {
  const { train, test: held, description } = await loadSource(fixture('keras.npz'))
  const wanted = expected['keras.npz'] as Record<string, Json[]>
  const [first, second] = [train, held] as Values[]
  assert.equal(numbers(first.rows as Uint8Array), wanted.train)
  assert.equal(numbers(second.rows as Uint8Array), wanted.test)
  assert.equal(Array.from(first.labels ?? []), wanted.labels)
  assert.equal(first.classes, wanted.classes)
  assert.match(description, /keras\.npz: 6 pictures, and 2 to test, 4 × 4 pixels of bytes, 3 classes$/)
})

test('of several arrays one must be named', async () => {
  await refusedLater(
    loadSource(fixture('two.npz')),
    /two\.npz: expected one array .* "first" \(2, 3\), "second"/,
  )
  const { rows } = valuesOf(await loadSource(fixture('two.npz'), { array: 'second' }))
  assert.equal(Array.from(rows), [0, 0, 0, 0, 0, 0])
  await refusedLater(loadSource(fixture('two.npz'), { array: 'third' }), /expected an array "third"/)
})

function checkTable(table: Table, names = Object.keys(expected.table as object)): void {
  const wanted = expected.table as Record<string, Json[]>
  assert.equal(
    table.columns.map(({ name }) => name),
    names,
  )
  for (const column of table.columns) {
    if (column.kind === 'number') assert.equal(numbers(column.values), wanted[column.name], column.name)
    else assert.equal([...column.values], wanted[column.name], column.name)
  }
}

for (const name of ['table.csv', 'table.csv.gz', 'table.tsv', 'utf16.csv']) {
  test(`${name} as pandas reads it`, async () => checkTable(tableOf(await loadSource(fixture(name)))))
}

test('numbers with a decimal comma', async () => {
  const points = tableOf(await readSource(Buffer.from('a;b\n1,5;2\n2,5;3\n'), 'my.csv'))
  assert.throws(
    () => fitFeatures(points, {}),
    /row 2, column "a": expected a number, found "1,5" \(a number with decimal-comma\)$/,
  )
  const spaces = tableOf(await readSource(Buffer.from('a b\n1 5\n2 5\n'), 'my.txt'))
  assert.throws(() => fitFeatures(spaces, { label: 'b' }), /found "a b" alone \(separator says/)
  const source = await loadSource(fixture('comma.csv'), { decimalComma: true, separator: ';' })
  checkTable(tableOf(source))
  checkTable(tableOf(await loadSource(fixture('comma.csv'), { decimalComma: true })))
})

for (const name of ['numbered.csv', 'headless.csv']) {
  test(`${name}: a line of numbers is data, unless it counts the columns`, async () => {
    const source = await loadSource(fixture(name))
    const { count, columns } = tableOf(source)
    assert.is(count, 4)
    assert.is(source.description.endsWith(', no line of names'), name === 'headless.csv')
    const rows = Array.from({ length: 4 }, (_, i) => columns.map(({ values }) => values[i])).flat()
    assert.equal(rows, expected.numbers)
  })
}

test('table.parquet as pyarrow wrote it', async () => {
  const table = tableOf(await loadSource(fixture('table.parquet')))
  const wanted = expected.table as Record<string, string[]>
  const when = table.columns.find(({ name }) => name === 'when')
  assert.equal(
    Array.from<string | number, string>(when?.values ?? [], (text) => String(text).replace('.000Z', 'Z')),
    wanted.when,
  )
  checkTable({ ...table, columns: table.columns.filter(({ name }) => name !== 'when') }, [
    'id',
    'site',
    'temperature',
    'count',
    'ok',
    'empty',
  ])
})

for (const name of ['plain.parquet', 'pages2.parquet']) {
  test(`${name}: plain values, pages of version 2, gzip, several groups of rows`, async () => {
    checkTable(tableOf(await loadSource(fixture(name))), ['temperature', 'count', 'ok'])
  })
}

test('Parquet that is not read is refused in a line', async () => {
  await refusedLater(loadSource(fixture('zstd.parquet')), /zstd\.parquet: .*ZSTD/i)
  await refusedLater(
    loadSource(fixture('nested.parquet')),
    /nested\.parquet: expected columns of single values/,
  )
})

const pictures = expected.pictures as Record<string, { grey: number[]; colour: number[] }>

test('a folder of pictures, grey and in colour, classes by folder', async () => {
  const source = await loadSource(fixture('pictures'))
  const { rows, labels, classes, names, picture } = valuesOf(source)
  assert.equal(names, ['a/one.png', 'a/two.png', 'b/three.png'])
  assert.equal(Array.from(labels ?? []), [0, 0, 1])
  assert.equal(classes, ['a', 'b'])
  assert.equal(picture, { width: 6, height: 4, channels: 1 })
  const grey = Object.values(pictures).flatMap((each) => each.grey)
  assert.equal(Array.from(rows), grey)
  const colour = await loadSource(fixture('pictures'), { colour: true })
  assert.equal(
    Array.from(valuesOf(colour).rows),
    Object.values(pictures).flatMap((each) => each.colour),
  )
  assert.match(source.description, /3 pictures, 6 × 4 pixels of bytes, 2 classes$/)
  assert.match(colour.description, /6 × 4 pixels of bytes, in colour, 2 classes$/)
})

test('what a folder holds beside pictures, and pictures beside folders, is said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hourglass-beside-'))
  try {
    cpSync(fixture('pictures'), folder, { recursive: true })
    for (const name of ['a/4.bmp', 'a/5', 'notes.txt', '.hidden']) writeFileSync(join(folder, name), 'x')
    const { description } = await loadSource(folder)
    assert.match(description, /: 3 pictures, 6 × 4 pixels of bytes, 2 classes, 3 other files passed over$/)
    cpSync(fixture('pictures/a/one.png'), join(folder, 'one.png'))
    const loose = await loadSource(folder)
    assert.is(valuesOf(loose).labels, undefined)
    assert.match(
      loose.description,
      /: 4 pictures, 6 × 4 pixels of bytes, no classes: 1 of 4 in no folder, 3 other files passed over$/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('JPEG and WebP, and pictures brought to a size by the mean of areas', async () => {
  const formats = expected.formats as Record<string, number[]>
  for (const [folder, name] of [
    ['jpeg', 'photo.jpg'],
    ['webp', 'photo.webp'],
  ]) {
    const { rows } = valuesOf(await loadSource(fixture(`formats/${folder}`)))
    formats[name].forEach((value, i) => {
      assert.ok(Math.abs(rows[i] - value) <= 2, `${name}, value ${i}: ${rows[i]} against ${value}`)
    })
  }
  for (const [name, wanted] of Object.entries(expected.sizes as Record<string, number[]>)) {
    const [width, height] = name.split('x').map(Number)
    const scaled = valuesOf(await loadSource(fixture('pictures'), { size: { width, height } }))
    assert.equal(scaled.picture, { width, height, channels: 1 })
    assert.is(scaled.rows.length, wanted.length)
    wanted.forEach((value, i) => {
      // What lies half between two bytes may be rounded either way.
      assert.ok(
        Math.abs(scaled.rows[i] - value) <= 1,
        `${name}, value ${i}: ${scaled.rows[i]} against ${value}`,
      )
    })
  }
})

test('WebP without its package is refused in words; a damaged picture leaves the next as it is', async () => {
  await refuses(
    loadDecoder(() => Promise.reject(new Error('Cannot find package'))),
    HourglassError,
    /^found no package to decode it: npm install @jsquash\/webp, or save it as PNG or JPEG$/,
  )
  const bytes = readFileSync(fixture('formats/webp/photo.webp'))
  const folder = mkdtempSync(join(tmpdir(), 'hourglass-webp-'))
  writeFileSync(join(folder, 'cut.webp'), bytes.subarray(0, 60))
  await refusedLater(loadSource(folder), /cut\.webp: expected a WebP picture .*found a damaged file$/)
  writeFileSync(join(folder, 'cut.webp'), bytes)
  assert.is((await loadSource(folder)).train.count, 1)
  rmSync(folder, { recursive: true })
})

test('PNG of every kind as Pillow reads it: palettes, two levels, alpha, 16 bits', async () => {
  const kinds = expected.kinds as Record<string, number[]>
  const { rows, names } = valuesOf(await loadSource(fixture('formats/png')))
  assert.equal(names, Object.keys(kinds).sort())
  names?.forEach((name, picture) => {
    kinds[name].forEach((value, i) => {
      const found = rows[64 * picture + i]
      assert.ok(Math.abs(found - value) <= 1, `${name}, value ${i}: ${found} against ${value}`)
    })
  })
})

/** A chunk of PNG. */
function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(data.length, 0)
  ends.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)])
}

test('interlaced PNG is read, and what a damaged one lacks is said before it is decoded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hourglass-png-'))
  const write = (bytes: Uint8Array) => writeFileSync(join(folder, 'a.png'), bytes)
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  const header = (depth: number, colour: number, interlace: number) =>
    chunk('IHDR', Uint8Array.of(0, 0, 0, 8, 0, 0, 0, 8, depth, colour, 0, 0, interlace))
  const png = (head: Uint8Array, lines: readonly number[], ...others: Uint8Array[]) => {
    const pixels = chunk('IDAT', deflateSync(Uint8Array.from(lines)))
    return Buffer.concat([signature, head, ...others, pixels, chunk('IEND', new Uint8Array())])
  }
  // The seven passes of the specification, by what they say of each pixel.
  const places = Array.from({ length: 64 }, (_, i) => ({ x: i % 8, y: i >> 3, value: 3 * i }))
  const pass = (x: number, y: number) => {
    if (y % 2 === 1) return 6
    if (x % 2 === 1) return 5
    if (y % 4 === 2) return 4
    if (x % 4 === 2) return 3
    if (y === 4) return 2
    return x === 4 ? 1 : 0
  }
  const lines = [0, 1, 2, 3, 4, 5, 6].flatMap((wanted) =>
    [0, 1, 2, 3, 4, 5, 6, 7].flatMap((line) => {
      const values = places
        .filter(({ x, y }) => y === line && pass(x, y) === wanted)
        .map(({ value }) => value)
      return values.length > 0 ? [0, ...values] : []
    }),
  )
  write(png(header(8, 0, 1), lines))
  assert.equal(
    [...valuesOf(await loadSource(folder)).rows],
    places.map(({ value }) => value),
  )
  const plain = Array.from({ length: 72 }, (_, i) => (i % 9 === 0 ? 0 : i))
  const sound = png(header(8, 0, 0), plain)
  for (const [bytes, lacks] of [
    // node-canvas 4.0.0-rc1 ended Node with a segmentation fault here.
    [
      Buffer.from(
        'iVBORw0KGgoAAAANSUhEUgAAAAYAAAAECAIAAAAiZtkUAAAAV0lEQVR4nAFMALP/ASVwvINWY8OnMfgZ3MX9/MkfTQEeHhQIbgouge4' +
          'WGoxBykWpuqYCA96h5aD1nt+h+QlYwq/8Lt8FAD9Vrga1LVRWIrpf+NUNVbvKADzdI0XthosXKQAAAElFTkSuQmCC',
        'base64',
      ),
      'end',
    ],
    [sound.subarray(0, 60), 'end'],
    [Buffer.from(sound).fill(9, 45, 46), 'right checksum'],
    [png(header(8, 0, 0), plain.slice(1)), 'pixel for each place'],
    [png(header(8, 0, 0), [...plain, 1]), 'intact pixels'],
    [png(header(8, 0, 0), plain.with(9, 5)), 'known filter'],
    [png(header(3, 0, 0), plain), 'known kind of pixels'],
    [png(header(8, 3, 0), plain), 'palette'],
    [png(header(8, 0, 0), plain, chunk('tRNS', Uint8Array.of(1, 2, 3))), 'transparency for it'],
    [png(header(8, 0, 0), plain, header(8, 0, 0)), 'header'],
  ] as const) {
    write(bytes)
    await refusedLater(loadSource(folder), new RegExp(`a\\.png: .*found a damaged file: no ${lacks}$`))
  }
  rmSync(folder, { recursive: true })
})

const csv = (text: string, options = {}) => readSource(Buffer.from(text), 'my.csv', options)

for (const [text, pattern] of [
  ['', /my\.csv: expected a table, found no text/],
  ['a,b\n', /my\.csv: expected rows below the names, found none/],
  ['a,b\n1,2\n3\n', /my\.csv: row 3: expected 2 cells as in the first row, found 1/],
  ['a,a\n1,2\n', /my\.csv: expected columns of different names, found "a" more than once/],
  ['a,b\n1,"2\n3,4\n', /my\.csv: row \d: expected quotes in pairs/],
  ['\xff\xfe\xfa', /my\.csv/],
] as const) {
  test(`refused: ${JSON.stringify(text)}`, () => refusedLater(csv(text), pattern))
}

test('a table of several pieces is read as one, wherever they are cut', async () => {
  const row = '1,"a ""b"", c"\r\n'
  const count = Math.ceil(150_000 / row.length)
  for (let shift = 0; shift < row.length; shift++) {
    const name = 'x'.repeat(1 + shift)
    const { columns } = tableOf(
      await csv(`${name},text\r\n${row.repeat(count)}2,"${'"",\r\n'.repeat(20_000)}"\r\n`),
    )
    assert.equal(
      columns.map((column) => column.name),
      [name, 'text'],
    )
    assert.is(columns[0].values.length, count + 1)
    assert.ok(columns[0].values.every((value, i) => value === (i < count ? 1 : 2)))
    const texts = columns[1].values as string[]
    assert.ok(texts.slice(0, count).every((text) => text === 'a "b", c'))
    assert.is(texts[count], '",\r\n'.repeat(20_000).trim())
  }
})

test('a column whose first text comes late is one of texts from its first row on', async () => {
  const early = Array.from({ length: 200_000 }, (_, i) => (i % 3 === 0 ? '' : `${i % 100}.0`))
  const { columns } = tableOf(await csv(`a,b\n${early.map((cell) => `1,${cell}\n`).join('')}1,end\n`))
  assert.is(columns[0].kind, 'number')
  assert.equal([...columns[1].values], [...early, 'end'])
})

test('what is carried on and not computed with comes back as it was written', async () => {
  const names = ['zip', 'id', 'flag', 'kind', 'plain', 'late']
  const rows = [
    ['00100', '9007199254740993', 'false', 'None', '1.5', 'NA'],
    ['7', '-12', 'TRUE', 'x', '', '2'],
    ['12', '+3', 'true', '?', '-2e3', '1234567890123456'],
  ]
  const bytes = new TextEncoder().encode([names, ...rows].map((cells) => cells.join()).join('\n'))
  const { columns } = tableOf(await readSource(bytes, 'k.csv', { asWritten: names }))
  for (const [i, name] of names.entries()) {
    const expected = name === 'plain' ? [1.5, Number.NaN, -2000] : rows.map((cells) => cells[i])
    assert.equal([...columns[i].values], expected, name)
  }
  const { columns: read } = tableOf(await readSource(bytes, 'k.csv'))
  assert.equal(
    read.map(({ kind }) => kind),
    ['number', 'number', 'number', 'text', 'number', 'number'],
  )
})

test('a long narrow table keeps the texts of the columns that are carried on', async () => {
  const names = ['a', 'id', 'account', 'zip', 'key']
  const count = 400_000
  const row = (i: number) => `1,${[2 * i, 3 * i, 5 * i, 7 * i].map((id) => String(id).padStart(8, '0'))}\n`
  const text = [`${names}\n`, ...Array.from({ length: count }, (_, i) => row(i))].join('')
  const bytes = new TextEncoder().encode(text)
  const { columns } = tableOf(await readSource(bytes, 'k.csv', { asWritten: names.slice(1) }))
  assert.equal(
    columns.map(({ kind, values }) => [kind, values[count - 1]]),
    [
      ['number', 1],
      ...[799_998, 1_199_997, 1_999_995, 2_799_993].map((id) => ['text', String(id).padStart(8, '0')]),
    ],
  )
})

test('Parquet: whole numbers that float64 would round, and truth values, are carried on as text', async () => {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const large = 2n ** 53n + 1n
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'id', data: [1n, large, null], type: 'INT64' },
      { name: 'small', data: [1n, 2n, null], type: 'INT64' },
      { name: 'flag', data: [true, false, null], type: 'BOOLEAN' },
    ],
  })
  const asWritten = ['id', 'small', 'flag']
  const { columns } = tableOf(await readSource(new Uint8Array(buffer), 'k.parquet', { asWritten }))
  assert.equal(
    columns.map(({ values }) => [...values]),
    [
      ['1', String(large), ''],
      [1, 2, Number.NaN],
      ['true', 'false', ''],
    ],
  )
  const read = tableOf(await readSource(new Uint8Array(buffer), 'k.parquet'))
  assert.ok(read.columns.every(({ kind }) => kind === 'number'))
})

test('text in UTF-8 alone', async () => {
  await refusedLater(readSource(Uint8Array.of(97, 10, 0xe9, 10), 'my.csv'), /my\.csv: expected text in UTF-8/)
})

test('a memory limit holds before the file is read, and after it is unpacked', async () => {
  const limit = { memoryLimit: 300 }
  await refusedLater(loadSource(fixture('table.csv'), limit), /within the memory limit of 1 MiB, found 1 MiB/)
  await refusedLater(
    readSource(await readFile(fixture('table.csv.gz')), 'table.csv.gz', limit),
    /memory limit/,
  )
})

test('a name that tells no format', async () => {
  await refusedLater(readSource(Buffer.from('a'), 'my.xlsx'), /my\.xlsx: expected one of \.csv, \.tsv, \.npy/)
  await refusedLater(loadSource(fixture('README.md')), /README\.md: expected one of .* or a folder/)
  await refusedLater(loadSource(fixture('nowhere.csv')), /nowhere\.csv: cannot be read/)
})

const SOME = 'x,y,kind,note,n\n1,10,a,hello,5\n2,,b,,5\n4,30,a,"you, too",5\n'

test('features: numbers are used, text is left out, and both are said', async () => {
  const table = tableOf(await csv(SOME))
  const { features, notes } = fitFeatures(table, { exclude: ['n'], oneHot: ['kind'] })
  assert.equal(features, [
    { kind: 'number', name: 'x', fill: 7 / 3 },
    { kind: 'number', name: 'y', fill: 20 },
    { kind: 'category', name: 'kind', categories: ['a', 'b'] },
  ])
  assert.equal(notes, [
    'Left out, text: "note"',
    'Empty cells: 1 in "y", for which the mean in training stands',
  ])
  assert.equal(Array.from(rowsOf(table, features, 'error').rows), [1, 10, 1, 0, 2, 20, 0, 1, 4, 30, 1, 0])
})

test('features of the training rows alone', async () => {
  const table = tableOf(await csv(SOME))
  const { features } = fitFeatures(table, { columns: ['x', 'kind'], oneHot: ['kind'] }, Uint32Array.of(0, 2))
  assert.equal(features, [
    { kind: 'number', name: 'x', fill: 2.5 },
    { kind: 'category', name: 'kind', categories: ['a'] },
  ])
  // A category that training has not met is none of those it has.
  assert.equal(Array.from(rowsOf(table, features, 'error').rows), [1, 1, 2, 0, 4, 1])
})

test('missing cells: refused, or their rows dropped', async () => {
  const table = tableOf(await csv(SOME))
  const { features } = fitFeatures(table, { columns: ['x', 'y'], missing: 'error' })
  refused(() => rowsOf(table, features, 'error'), FileError, /row 3, column "y": .*found an empty cell/)
  const { rows, kept, count } = rowsOf(table, features, 'drop')
  assert.equal([Array.from(rows), Array.from(kept ?? []), count], [[1, 10, 4, 30], [0, 2], 2])
})

test('a column that numbers the rows is left out unless it is named', async () => {
  const lines = Array.from({ length: 30 }, (_, i) => `${i + 100},${(i * 7) % 5}`)
  const table = tableOf(await csv(`id,x\n${lines.join('\n')}\n`))
  const { features, notes } = fitFeatures(table, {})
  assert.equal(
    features.map(({ name }) => name),
    ['x'],
  )
  assert.equal(notes, ['Left out, it numbers the rows: "id"'])
  assert.is(fitFeatures(table, { columns: ['id', 'x'] }).features.length, 2)
})

test('what is wrong with columns is said in a line', async () => {
  const table = tableOf(await csv('price,mixed,blank\n1,1,\n2,two,\n3,3,\n'))
  const fit = (options: object) => () => fitFeatures(table, options)
  refused(
    fit({ columns: ['prise'] }),
    FileError,
    /my\.csv: expected a column "prise", the nearest is "price"/,
  )
  refused(fit({}), FileError, /row 3, column "mixed": expected a number, found "two"/)
  refused(fit({ columns: ['blank'] }), FileError, /column "blank": expected numbers, found empty cells alone/)
  refused(
    fit({ columns: ['price'], exclude: ['price'] }),
    UsageError,
    /columns: expected none that is excluded/,
  )
  refused(
    fit({ label: 'price', columns: ['price'] }),
    UsageError,
    /label: expected a column that is no feature/,
  )
  refused(fit({ exclude: ['mixed', 'price'] }), FileError, /expected at least one column of numbers/)
  assert.equal(fitFeatures(table, { exclude: ['mixed'] }).notes, ['Left out, empty: "blank"'])
})

test('labels become classes in order', async () => {
  const table = tableOf(await csv('x,label,word\n1,10,b\n2,9,a\n3,10,b\n'))
  assert.equal(labelsOf(table, 'label'), { labels: Uint8Array.of(1, 0, 1), classes: ['9', '10'] })
  assert.equal(labelsOf(table, 'word'), { labels: Uint8Array.of(1, 0, 1), classes: ['a', 'b'] })
})

test.run()
