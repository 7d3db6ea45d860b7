/** WebP in Node, which node-canvas does not decode: by an optional package, loaded for the first picture. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { HourglassError } from '../../errors.ts'
import type { DecodePicture } from './pictures.ts'

const PACKAGE = '@jsquash/webp'

type Decoder = typeof import('@jsquash/webp/decode.js')

let loading: Promise<Decoder> | undefined

/** Separate from `decodeWebp` so that a missing package can be tested. */
export async function loadDecoder(load: () => Promise<Decoder>): Promise<Decoder> {
  let decoder: Decoder
  try {
    decoder = await load()
  } catch (cause) {
    throw new HourglassError(
      `found no package to decode it: npm install ${PACKAGE}, or save it as PNG or JPEG`,
      { cause },
    )
  }
  // It would fetch its code, as pages do.
  const file = fileURLToPath(import.meta.resolve(`${PACKAGE}/codec/dec/webp_dec.wasm`))
  const init = decoder.init as (module: WebAssembly.Module) => Promise<void>
  await init(await WebAssembly.compile(await readFile(file)))
  return decoder
}

/** Throws HourglassError where the package is missing; another error for what is damaged, and animations. */
export const decodeWebp: DecodePicture = async (bytes) => {
  loading ??= loadDecoder(() => import('@jsquash/webp/decode.js'))
  const { default: decode } = await loading
  const { width, height, data } = await decode(Uint8Array.from(bytes).buffer)
  return { width, height, pixels: data }
}
