import { limitImages, loadDataset } from 'hourglass-autoencoder'

/** The first 2,000 digits, (2000, 784) bytes. */
export async function GET() {
  const { train } = await loadDataset()
  return new Response(limitImages(train, 2000).rows, {
    headers: { 'Content-Type': 'application/octet-stream' },
  })
}
