/** A model that is trained in no time, and the data that it is trained on. */
import { Autoencoder, type CreateOptions } from '../../src/index.ts'
import { smallDataset } from './small-data.ts'

export const DATA = smallDataset(60, 20)
export const PIXELS = 30
export const SIZES = { input: PIXELS, hidden: 12, bottleneck: 3, seed: 7 }
export const SETTINGS = { batchSize: 16, learningRate: 3e-3 }

/** What `work` makes of a new model, which is disposed of afterwards. */
export async function withModel<T>(
  options: CreateOptions,
  work: (model: Autoencoder) => Promise<T>,
): Promise<T> {
  const model = await Autoencoder.create({ ...SIZES, device: 'cpu', threads: 2, ...options })
  try {
    return await work(model)
  } finally {
    await model.dispose()
  }
}
