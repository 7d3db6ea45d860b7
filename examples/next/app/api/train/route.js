import { Autoencoder, limitImages, loadDataset, parametersSha256 } from 'hourglass-autoencoder'

/** Trains on the server, on all of its cores. */
export async function POST() {
  const { train } = await loadDataset()
  const model = await Autoencoder.create({ bottleneck: 8, seed: 1, device: 'cpu', simd: 'plain' })
  try {
    await model.train({ train: limitImages(train, 2000) }, { epochs: 1 })
    return Response.json({ sha256: await parametersSha256(await model.parameters()) })
  } finally {
    await model.dispose()
  }
}
