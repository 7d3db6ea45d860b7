/** Reads a model file off the page's thread: a hostile one costs the page a wait, and no more. */
import { CHECKPOINT_KEY, readModel } from '../formats/model-file.ts'
import type { Network } from '../model/network.ts'
import { type Checkpoint, readCheckpoint } from '../run/checkpoint.ts'

export interface ReadingCall {
  readonly bytes: Uint8Array
  readonly file: string
}

export type ReadingAnswer =
  | {
      readonly network: Network
      readonly parameters: Float32Array
      readonly warnings: readonly string[]
      /** Where the file is one. */
      readonly checkpoint: Checkpoint | undefined
    }
  | { readonly problem: string }

function read({ bytes, file }: ReadingCall): ReadingAnswer {
  try {
    const { network, parameters, warnings, metadata } = readModel(bytes, file)
    const isCheckpoint = Object.hasOwn(metadata, CHECKPOINT_KEY)
    const checkpoint = isCheckpoint ? readCheckpoint(bytes, file) : undefined
    return { network, parameters, warnings, checkpoint }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

addEventListener('message', (event: MessageEvent<ReadingCall>) => postMessage(read(event.data)))
