/** Reads a model file off the page's thread: a hostile one costs the page a wait, and no more. */
import { CHECKPOINT_KEY, readModel } from '../formats/model-file.ts'
import type { Network } from '../model/network.ts'
import { type Checkpoint, readCheckpoint } from '../run/checkpoint.ts'
import { answerCalls } from './answer-calls.ts'

export interface ReadingCalls {
  read: { ask: { bytes: Uint8Array; file: string }; answer: ReadFileAnswer }
}

interface ReadFileAnswer {
  readonly network: Network
  readonly parameters: Float32Array
  readonly warnings: readonly string[]
  /** Where the file is one. */
  readonly checkpoint: Checkpoint | undefined
}

answerCalls<ReadingCalls>(async ({ bytes, file }) => {
  const { network, parameters, warnings, metadata } = readModel(bytes, file)
  const isCheckpoint = Object.hasOwn(metadata, CHECKPOINT_KEY)
  const checkpoint = isCheckpoint ? readCheckpoint(bytes, file) : undefined
  return { answer: { network, parameters, warnings, checkpoint } }
})
