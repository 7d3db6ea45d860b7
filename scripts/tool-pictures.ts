/** What rows are drawn as, where the tools write pictures. */
import { UsageError } from '../src/errors.ts'
import { inputSize } from '../src/model/network.ts'
import type { PictureShape } from '../src/model/preprocessing.ts'
import type { FloatArray } from '../src/model/state.ts'
import type { ToolModel } from '../src/tools/model.ts'
import type { RawPart } from '../src/tools/reconstruct.ts'
import { pictureSize } from './data-flags.ts'

export const pictureOption = {
  describe: 'size of the pictures that rows are, 28x28',
  defaultDescription: "the model's or the data's; a square",
  requiresArg: true,
  coerce: pictureSize('picture'),
} as const

/**
 * The shape that was asked for, or that of the model, of the data, or of a square of grey pixels; undefined
 * where there is none, or rows are columns of a table. Throws UsageError for one of another number of values.
 */
export function pictureShape(
  { engine: { network }, preprocessing }: ToolModel,
  data: PictureShape | undefined,
  asked: { readonly width: number; readonly height: number } | undefined,
): PictureShape | undefined {
  const inputs = inputSize(network)
  if (asked) {
    const channels = inputs / (asked.width * asked.height)
    if (channels === 1 || channels === 3) return { ...asked, channels }
    throw new UsageError(
      `--picture: expected a size of ${inputs} pixels, or a third as many in colour, found ${asked.width}x${asked.height}`,
    )
  }
  const known = preprocessing?.picture ?? data
  const side = Math.sqrt(inputs)
  if (known || preprocessing?.features || !Number.isInteger(side)) return known
  return { width: side, height: side, channels: 1 }
}

/** The rows alone. */
export async function* rowsOfParts(parts: AsyncIterable<RawPart>): AsyncGenerator<FloatArray> {
  for await (const { rows } of parts) yield rows
}
