/** Models from files, whoever wrote them, and the pre-trained one. */
import { FileError, readModel, stateOf } from '../browser.ts'
import { PRETRAINED_NAME, PRETRAINED_URL } from './pretrained.ts'
import type { Model } from './session.ts'

/** Larger than any autoencoder of MNIST's digits that a page could use. */
const MAX_FILE_BYTES = 512e6

/** A model from a file's bytes, and what is odd about the file. Throws `FileError`, which begins with its name. */
export function parseModel(bytes: Uint8Array, file: string): { model: Model; warnings: readonly string[] } {
  const { network, parameters, warnings } = readModel(bytes, file)
  return { model: { network, state: stateOf(parameters), name: file }, warnings }
}

export async function readModelFile(file: File): Promise<{ model: Model; warnings: readonly string[] }> {
  if (file.size > MAX_FILE_BYTES) {
    const found = `${Math.round(file.size / 1e6)} MB`
    throw new FileError(file.name, `expected weights of at most ${MAX_FILE_BYTES / 1e6} MB, found ${found}`)
  }
  return parseModel(new Uint8Array(await file.arrayBuffer()), file.name)
}

export async function loadPretrained(): Promise<Model> {
  const file = PRETRAINED_URL.pathname.slice(PRETRAINED_URL.pathname.lastIndexOf('/') + 1)
  let response: Response
  try {
    response = await fetch(PRETRAINED_URL)
  } catch (error) {
    throw new FileError(file, 'the pre-trained model could not be fetched', { cause: error })
  }
  if (!response.ok) {
    throw new FileError(file, `the pre-trained model could not be fetched: status ${response.status}`)
  }
  const { model } = parseModel(new Uint8Array(await response.arrayBuffer()), file)
  return { ...model, name: `${PRETRAINED_NAME}, pre-trained` }
}
