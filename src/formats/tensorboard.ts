/**
 * Event files of TensorBoard, writing only: TFRecord frames around `Event` messages. Field numbers:
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto and, for the parts of
 * a summary, core/framework/summary.proto. Runs in a browser.
 *
 * A reader takes what is whole of a file that ends within a record, so a file grows record by record.
 */
import { concatBytes, viewOf } from './bytes.ts'
import { crc32c } from './crc.ts'
import { doubleField, doublesField, floatField, integerField, messageField, textField } from './protobuf.ts'

/** One thing that an event shows, under its tag: what comes before a slash groups tags. */
export type Summary = { readonly tag: string } & (
  | { readonly scalar: number }
  | { readonly histogram: Histogram }
  | { readonly image: EncodedImage }
)

export interface EncodedImage {
  readonly width: number
  readonly height: number
  /** A PNG file of four channels. */
  readonly png: Uint8Array
}

/** How often which values are found: bucket i holds those up to `limits[i]` and above the limit before. */
export interface Histogram {
  readonly min: number
  readonly max: number
  readonly count: number
  readonly sum: number
  readonly sumOfSquares: number
  /** (buckets), ascending; the last is `max`. */
  readonly limits: readonly number[]
  /** (buckets). */
  readonly counts: readonly number[]
}

/** As many as TensorBoard's own histograms have. */
const BUCKETS = 30

/** Buckets of one width between the least and the largest value. Undefined where no value is finite. */
export function histogramOf(values: ArrayLike<number>): Histogram | undefined {
  let [min, max, count, sum, sumOfSquares] = [Infinity, -Infinity, 0, 0, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (!Number.isFinite(value)) continue
    min = Math.min(min, value)
    max = Math.max(max, value)
    count++
    sum += value
    sumOfSquares += value * value
  }
  if (count === 0) return undefined
  if (min === max) return { min, max, count, sum, sumOfSquares, limits: [max], counts: [count] }
  const width = (max - min) / BUCKETS
  const counts = new Array<number>(BUCKETS).fill(0)
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) counts[Math.min(BUCKETS - 1, Math.floor((values[i] - min) / width))]++
  }
  const limits = counts.map((_, i) => (i === BUCKETS - 1 ? max : min + (i + 1) * width))
  return { min, max, count, sum, sumOfSquares, limits, counts }
}

const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const
const SESSION_STATUS = 1
const SESSION_START = 1
const SUMMARY_VALUE = 1
const VALUE = { tag: 1, scalar: 2, image: 4, histogram: 5 } as const
const IMAGE = { height: 1, width: 2, colourSpace: 3, encoded: 4 } as const
const RGBA = 4
const HISTOGRAM = { min: 1, max: 2, count: 3, sum: 4, sumOfSquares: 5, limits: 6, counts: 7 } as const

/** What every event file begins with. @param wallTime in seconds since 1970 */
export function fileVersionRecord(wallTime: number): Uint8Array {
  return eventRecord(wallTime, [textField(EVENT.fileVersion, 'brain.Event:2')])
}

/**
 * Makes readers forget events of `step` and later steps in the directory's earlier files: a run goes on
 * before them.
 */
export function restartRecord(wallTime: number, step: number): Uint8Array {
  const log = messageField(EVENT.sessionLog, [integerField(SESSION_STATUS, SESSION_START)])
  return eventRecord(wallTime, [integerField(EVENT.step, step), log])
}

/** What there is to see at a step. Numbers of `scalar` are rounded to float32. */
export function summaryRecord(wallTime: number, step: number, summaries: readonly Summary[]): Uint8Array {
  const values = summaries.map((summary) => messageField(SUMMARY_VALUE, summaryFields(summary)))
  return eventRecord(wallTime, [integerField(EVENT.step, step), messageField(EVENT.summary, values)])
}

function summaryFields(summary: Summary): Uint8Array[] {
  const tag = textField(VALUE.tag, summary.tag)
  if ('scalar' in summary) return [tag, floatField(VALUE.scalar, summary.scalar)]
  if ('histogram' in summary) {
    const { min, max, count, sum, sumOfSquares, limits, counts } = summary.histogram
    const fields = [
      doubleField(HISTOGRAM.min, min),
      doubleField(HISTOGRAM.max, max),
      doubleField(HISTOGRAM.count, count),
      doubleField(HISTOGRAM.sum, sum),
      doubleField(HISTOGRAM.sumOfSquares, sumOfSquares),
      doublesField(HISTOGRAM.limits, limits),
      doublesField(HISTOGRAM.counts, counts),
    ]
    return [tag, messageField(VALUE.histogram, fields)]
  }
  const { width, height, png } = summary.image
  const fields = [
    integerField(IMAGE.height, height),
    integerField(IMAGE.width, width),
    integerField(IMAGE.colourSpace, RGBA),
    messageField(IMAGE.encoded, [png]),
  ]
  return [tag, messageField(VALUE.image, fields)]
}

function eventRecord(wallTime: number, fields: readonly Uint8Array[]): Uint8Array {
  return frame(concatBytes([doubleField(EVENT.wallTime, wallTime), ...fields]))
}

/**
 * A TFRecord: length (uint64), its masked CRC, the data, theirs.
 * https://www.tensorflow.org/tutorials/load_data/tfrecord
 */
export function frame(data: Uint8Array): Uint8Array {
  const length = new Uint8Array(8)
  viewOf(length).setBigUint64(0, BigInt(data.length), true)
  return concatBytes([length, maskedCrc(length), data, maskedCrc(data)])
}

/**
 * TFRecord's mask: the CRC turned right by 15 bits, plus a constant, so that a CRC of data with CRCs is a
 * good one.
 */
function maskedCrc(data: Uint8Array): Uint8Array {
  const crc = crc32c(data)
  const bytes = new Uint8Array(4)
  viewOf(bytes).setUint32(0, (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, true)
  return bytes
}

/**
 * Readers know event files by `tfevents` in their names, and go through those of a directory by the time in
 * them.
 */
export function eventFileName(wallTime: number, host: string, process: number): string {
  const seconds = String(Math.floor(wallTime)).padStart(10, '0')
  return `events.out.tfevents.${seconds}.${host}.${process}.0`
}
