/** Reads a model file off the page's thread: a hostile one costs the page a wait, and no more. */
import { readModel } from '../formats/model-file.ts'
import type { Network } from '../model/network.ts'

export interface ReadingCall {
  readonly bytes: Uint8Array
  readonly file: string
}

export type ReadingAnswer =
  | {
      readonly network: Network
      readonly parameters: Float32Array
      readonly warnings: readonly string[]
    }
  | { readonly problem: string }

function read({ bytes, file }: ReadingCall): ReadingAnswer {
  try {
    const { network, parameters, warnings } = readModel(bytes, file)
    return { network, parameters, warnings }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

addEventListener('message', (event: MessageEvent<ReadingCall>) => postMessage(read(event.data)))
