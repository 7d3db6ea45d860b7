/** What `npm run train -- --tensorboard DIR` writes: an event file that grows with every epoch. Node only. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { RowSet } from '../data/rows.ts'
import type { Engine } from '../engines/engine.ts'
import { appendDurably, checkWritable, makeDirectory } from '../files/write.ts'
import { concatBytes } from '../formats/bytes.ts'
import type { EncodedImage, Summary } from '../formats/tensorboard.ts'
import {
  eventFileName,
  fileVersionRecord,
  histogramOf,
  restartRecord,
  summaryRecord,
} from '../formats/tensorboard.ts'
import { inputSize } from '../model/network.ts'
import type { EpochRecord } from '../training/history.ts'

/** Test rows whose codes are counted: enough for a histogram, and no more than a blink of work. */
const MOST_CODES = 1000
/** Test pictures shown above their reconstructions. */
const MOST_PICTURES = 8

export interface EventSource {
  readonly engine: Engine
  /** Rows that pictures and codes are made of; undefined where none judge the run. */
  readonly test: RowSet | undefined
  /** Size of a row as a grey picture; undefined where rows are none, or where node-canvas does not load. */
  readonly picture: { readonly width: number; readonly height: number } | undefined
}

/** An event file of one run of the command. */
export class EventLog {
  readonly #file: string
  readonly #epochsBefore: number
  #hasBegun = false

  private constructor(file: string, epochsBefore: number) {
    this.#file = file
    this.#epochsBefore = epochsBefore
  }

  /**
   * Makes the directory and names a file in it, which the first epoch begins.
   *
   * @param epochsBefore epochs that a run which goes on has done: readers forget what earlier files say of
   * later ones
   * @throws FileError where no file can be written there
   */
  static async open(directory: string, epochsBefore: number): Promise<EventLog> {
    await makeDirectory(directory)
    const file = join(directory, eventFileName(Date.now() / 1000, hostname(), process.pid))
    await checkWritable(file)
    return new EventLog(file, epochsBefore)
  }

  /** Adds the epoch's numbers, pictures and codes, which the idle engine computes. Throws FileError. */
  async add(record: EpochRecord, source: EventSource): Promise<void> {
    const summaries = [...scalarsOf(record), ...(await codesOf(source)), ...(await picturesOf(source))]
    const now = Date.now() / 1000
    await appendDurably(
      this.#file,
      concatBytes([...this.#beginning(now), summaryRecord(now, record.epoch, summaries)]),
    )
    this.#hasBegun = true
  }

  /** Its name, once there is something in it. */
  get files(): string[] {
    return this.#hasBegun ? [this.#file] : []
  }

  #beginning(now: number): Uint8Array[] {
    if (this.#hasBegun) return []
    const restart = this.#epochsBefore > 0 ? [restartRecord(now, this.#epochsBefore + 1)] : []
    return [fileVersionRecord(now), ...restart]
  }
}

function scalarsOf({ trainLoss, testLoss, learningRate, imagesPerSecond }: EpochRecord): Summary[] {
  return [
    { tag: 'loss/train', scalar: trainLoss },
    ...(testLoss === undefined ? [] : [{ tag: 'loss/test', scalar: testLoss }]),
    { tag: 'learning_rate', scalar: learningRate },
    { tag: 'rows_per_second', scalar: imagesPerSecond },
  ]
}

async function codesOf({ engine, test }: EventSource): Promise<Summary[]> {
  if (test === undefined) return []
  const codes = await engine.encode(test.rows.subarray(0, MOST_CODES * inputSize(engine.network)))
  const histogram = histogramOf(codes)
  return histogram ? [{ tag: 'codes', histogram }] : []
}

async function picturesOf(source: EventSource): Promise<Summary[]> {
  const { picture, test } = source
  if (picture === undefined || test === undefined || test.count === 0) return []
  return [{ tag: 'reconstructions', image: await drawReconstructions(source.engine, test, picture) }]
}

/** Pictures above, their reconstructions below. */
async function drawReconstructions(
  engine: Engine,
  test: RowSet,
  { width, height }: { width: number; height: number },
): Promise<EncodedImage> {
  const { drawImageStrip } = await import('../figures/image-strip.ts')
  const size = width * height
  const originals = test.rows.subarray(0, Math.min(MOST_PICTURES, test.count) * size)
  const reconstructions = await engine.forward(originals)
  const count = originals.length / size
  const cut = <Pixels extends Uint8Array | Float32Array | Float64Array>(all: Pixels) =>
    Array.from({ length: count }, (_, i) => all.subarray(i * size, (i + 1) * size))
  return drawImageStrip([cut(originals), cut(reconstructions)], width, height)
}
