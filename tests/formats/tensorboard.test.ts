import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concatBytes } from '../../src/formats/bytes.ts'
import { crc32, crc32c } from '../../src/formats/crc.ts'
import type { Histogram } from '../../src/formats/tensorboard.ts'
import {
  eventFileName,
  fileVersionRecord,
  histogramOf,
  restartRecord,
  summaryRecord,
} from '../../src/formats/tensorboard.ts'

test('CRC-32C gives the values of RFC 3720, B.4, and the usual check value', () => {
  const readRequest = Uint8Array.from([
    ...[0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18],
    ...[0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0],
  ])
  const vectors: [Uint8Array, number][] = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [readRequest, 0xd9963a56],
    [new TextEncoder().encode('123456789'), 0xe3069283],
  ]
  for (const [bytes, crc] of vectors) assert.is(crc32c(bytes).toString(16), crc.toString(16))
  assert.is(crc32(new TextEncoder().encode('123456789')), 0xcbf43926, "ZIP's")
})

test('events are, byte for byte, those that TensorBoard writes', () => {
  const wallTime = 1_795_679_410.25
  const histogram = {
    min: -1,
    max: 2,
    count: 4,
    sum: 2.5,
    sumOfSquares: 6.25,
    limits: [0.5, 2],
    counts: [1, 3],
  }
  const image = { width: 226, height: 58, png: Uint8Array.from({ length: 256 }, (_, i) => i) }
  const written = concatBytes([
    fileVersionRecord(wallTime),
    restartRecord(wallTime, 300),
    summaryRecord(wallTime, 300, [
      { tag: 'loss/train', scalar: 1 / 3 },
      { tag: 'codes', histogram },
      { tag: 'reconstructions', image },
    ]),
  ])
  const fixture = readFileSync(new URL('../fixtures/tensorboard/events.tfevents', import.meta.url))
  assert.is(Buffer.from(written).toString('hex'), fixture.toString('hex'))
})

test('a histogram has 30 buckets of one width, and one where all values are one', () => {
  const values = Float32Array.from([0, 0, 0, 1, 2.5, 30, NaN, -Infinity])
  const { limits, counts, ...figures } = histogramOf(values) as Histogram
  assert.equal(figures, { min: 0, max: 30, count: 6, sum: 33.5, sumOfSquares: 907.25 })
  assert.equal(
    limits,
    Array.from({ length: 30 }, (_, i) => i + 1),
  )
  assert.equal(counts.slice(0, 4), [3, 1, 1, 0])
  assert.is(counts[29], 1, 'the largest value is in the last bucket')
  assert.equal(histogramOf([2, 2]), {
    ...{ min: 2, max: 2, count: 2, sum: 4, sumOfSquares: 8 },
    ...{ limits: [2], counts: [2] },
  })
  assert.is(histogramOf([NaN]), undefined)
})

test('the name of an event file begins as readers expect it', () => {
  assert.is(eventFileName(1_795_679_410.25, 'host', 7), 'events.out.tfevents.1795679410.host.7.0')
})

test.run()
