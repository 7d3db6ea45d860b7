/**
 * Fetches and unpacks what lies beside the page, off its thread: to inflate 47 MB of digits, or to turn a
 * million halves into floats, would hold the page up while it starts.
 */
import type { ImageSet } from '../data/dataset.ts'
import { loadStaticImageSet, type SetPart } from '../data/static-files.ts'
import { FileError } from '../errors.ts'
import { readModel } from '../formats/model-file.ts'
import type { Network } from '../model/network.ts'
import { answerCalls } from './answer-calls.ts'

export interface LoadingCalls {
  /** `base`: address of the folder. */
  digits: { ask: { base: string; part: SetPart }; answer: ImageSet }
  model: { ask: { base: string; file: string }; answer: LoadedModel }
}

export interface LoadedModel {
  readonly network: Network
  readonly parameters: Float32Array
}

/** Bytes received of a part of the digits, and their total where the host tells it. */
export interface LoadingNews {
  readonly part: SetPart
  readonly receivedBytes: number
  readonly totalBytes: number | undefined
}

/** Progress is told no more often. */
const TELL_MS = 100

async function loadDigits(base: string, part: SetPart) {
  let toldMs = 0
  const onProgress = (receivedBytes: number, totalBytes: number | undefined) => {
    if (performance.now() - toldMs < TELL_MS) return
    toldMs = performance.now()
    const news: LoadingNews = { part, receivedBytes, totalBytes }
    postMessage(news)
  }
  const answer = await loadStaticImageSet(base, part, { onProgress })
  return { answer, transfer: [answer.rows.buffer as ArrayBuffer] }
}

async function loadModel(base: string, file: string) {
  let response: Response
  try {
    response = await fetch(new URL(file, base))
  } catch (error) {
    throw new FileError(file, 'the pre-trained model could not be fetched', { cause: error })
  }
  if (!response.ok) {
    throw new FileError(file, `the pre-trained model could not be fetched: status ${response.status}`)
  }
  const { network, parameters } = readModel(new Uint8Array(await response.arrayBuffer()), file)
  return { answer: { network, parameters }, transfer: [parameters.buffer as ArrayBuffer] }
}

answerCalls<LoadingCalls>((call) =>
  call.name === 'digits' ? loadDigits(call.base, call.part) : loadModel(call.base, call.file),
)
