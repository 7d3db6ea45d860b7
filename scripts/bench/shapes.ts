/** Networks and batches that are measured beside other libraries, written `784-392-8@256`. */
import type { ImageSet } from '../../src/data/dataset.ts'
import type { RowSet } from '../../src/data/rows.ts'
import { UsageError } from '../../src/errors.ts'
import { createRandomSequence } from '../../src/random/sequence.ts'
import type { Shape } from './engines.ts'
import { STANDARD } from './engines.ts'
import { SEED } from './expected.ts'

/**
 * The standard one, the command's own default, small and large batches, and a small table. First the one that
 * all the other parts of the benchmark measure.
 */
export const DEFAULT_SHAPES: readonly Shape[] = [
  STANDARD,
  { ...STANDARD, bottleneck: 32 },
  { ...STANDARD, batchSize: 32 },
  { ...STANDARD, batchSize: 1024 },
  { ...STANDARD, batchSize: 4096 },
  { inputs: 30, hidden: 64, bottleneck: 5, batchSize: 50 },
]

/** `inputs-hidden-z@batch`. */
export function shapeText({ inputs, hidden, bottleneck, batchSize }: Shape): string {
  return `${inputs}-${hidden}-${bottleneck}@${batchSize}`
}

/** As people say it. */
export function shapeTitle(shape: Shape): string {
  const { inputs, hidden, bottleneck, batchSize } = shape
  const isUsual = inputs === STANDARD.inputs && hidden === STANDARD.hidden
  const network = isUsual ? `z ${bottleneck}` : `${inputs}-${hidden}-${bottleneck}`
  return `${network}, batch ${batchSize}`
}

/** Throws UsageError, in the name of the flag, for what is no shape. */
export function parseShape(flag: string) {
  return (value: unknown): Shape => {
    const numbers = /^([1-9]\d*)-([1-9]\d*)-([1-9]\d*)@([1-9]\d*)$/.exec(String(value))?.slice(1).map(Number)
    if (numbers === undefined || numbers[3] > MOST_ROWS) {
      throw new UsageError(
        `--${flag}: expected inputs-hidden-z@batch, as 784-392-8@256, with a batch of at most ${MOST_ROWS}, found ${value}`,
      )
    }
    const [inputs, hidden, bottleneck, batchSize] = numbers
    return { inputs, hidden, bottleneck, batchSize }
  }
}

const MOST_ROWS = 10_000
/** Of a table, whose columns hang together as real ones do. */
const FACTORS = 4

/**
 * The training images for their own number of inputs; for another a table of floats in (0, 1), none of them
 * zero, that some hidden factors and noise have made.
 */
export function rowsFor({ inputs }: Shape, images: ImageSet): RowSet {
  if (inputs === images.width * images.height) return images
  const random = createRandomSequence(SEED)
  const loadings = Float64Array.from({ length: inputs * FACTORS }, () => random.normal())
  const rows = new Float32Array(MOST_ROWS * inputs)
  for (let row = 0; row < MOST_ROWS; row++) {
    const factors = Float64Array.from({ length: FACTORS }, () => random.normal())
    for (let column = 0; column < inputs; column++) {
      const sum = factors.reduce((total, factor, i) => total + factor * loadings[column * FACTORS + i], 0)
      rows[row * inputs + column] = 1 / (1 + Math.exp(-sum - 0.5 * random.normal()))
    }
  }
  return { count: MOST_ROWS, rows }
}
