/** What lies beside the page: MNIST's digits and the model that comes with it. A worker fetches them. */
import { codeSize, type ImageSet, type SetPart, type StaticFilesOptions, stateOf } from '../browser.ts'
import type { LoadingCalls, LoadingNews } from './loading-worker.ts'
import type { Model } from './model.ts'
import { PRETRAINED_FILE } from './pretrained.ts'
import { WorkerCalls } from './worker-calls.ts'

type OnProgress = NonNullable<StaticFilesOptions['onProgress']>

const BASE = new URL('./data/', document.baseURI).href

const listeners = new Map<SetPart, OnProgress>()

const worker = new WorkerCalls<LoadingCalls, LoadingNews>(
  () => new Worker(new URL('./loading-worker.ts', import.meta.url), { type: 'module', name: 'loading' }),
  'The worker that loads the digits could not be started: load the page anew.',
  ({ part, receivedBytes, totalBytes }) => listeners.get(part)?.(receivedBytes, totalBytes),
)

/** One part of MNIST. Rejects where it cannot be fetched, or is damaged. */
export async function loadDigits(part: SetPart, onProgress?: OnProgress): Promise<ImageSet> {
  if (onProgress) listeners.set(part, onProgress)
  try {
    return await worker.call('digits', { base: BASE, part })
  } finally {
    listeners.delete(part)
  }
}

export async function loadPretrained(): Promise<Model> {
  const { network, parameters } = await worker.call('model', { base: BASE, file: PRETRAINED_FILE })
  return { network, state: stateOf(parameters), name: `Pre-trained model, z = ${codeSize(network)}` }
}
