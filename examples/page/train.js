/**
 * A page that trains: the same file under Vite, esbuild, webpack, Rollup and without any bundler. It shows a
 * digit beside what the model makes of it, after every epoch.
 *
 * In the address, `?epochs=3` and `?simd=plain` (the same bits in every browser) may be asked for.
 */
import { Autoencoder, parametersSha256 } from 'hourglass-autoencoder'

const WIDTH = 28
const PIXELS = WIDTH * WIDTH

const status = document.querySelector('#status')
const stop = document.querySelector('#stop')
const settings = new URLSearchParams(location.search)

/** Two pictures side by side: bytes, and floats from 0 to 1. */
function draw(original, reconstruction) {
  const context = document.querySelector('canvas').getContext('2d')
  for (const [values, scale, left] of [
    [original, 1, 0],
    [reconstruction, 255, WIDTH],
  ]) {
    const picture = context.createImageData(WIDTH, WIDTH)
    values.forEach((value, i) => {
      picture.data.set([value * scale, value * scale, value * scale, 255], 4 * i)
    })
    context.putImageData(picture, left, 0)
  }
}

async function train() {
  // Bytes of images, one row after the other: 0 is black, 255 white. Any images of one size do.
  const rows = new Uint8Array(await (await fetch('images.bin')).arrayBuffer())
  const images = { count: rows.length / PIXELS, rows }
  const digit = rows.subarray(0, PIXELS)

  const model = await Autoencoder.create({
    bottleneck: 8,
    seed: 1,
    device: 'cpu',
    simd: settings.get('simd') ?? 'auto',
  })
  const controller = new AbortController()
  stop.addEventListener('click', () => controller.abort())
  try {
    status.textContent = `${model.info.threads} threads, ${model.info.arithmetic}`
    await model.train(
      { train: images },
      {
        epochs: Number(settings.get('epochs') ?? 3),
        // An aborted run ends without an error, after the step under way.
        signal: controller.signal,
        async onEpoch({ epoch, trainLoss }) {
          status.textContent = `epoch ${epoch}: loss ${trainLoss.toFixed(4)}`
          // Between epochs a call runs at once; during one it would wait for the end of `train`.
          draw(digit, await model.reconstruct(digit))
        },
      },
    )
    return await parametersSha256(await model.parameters())
  } finally {
    await model.dispose()
  }
}

train().then(
  (sha256) => {
    document.body.dataset.sha256 = sha256
  },
  (error) => {
    // One line that says what is missing, and what to do.
    status.textContent = error.message
    document.body.dataset.error = error.message
  },
)
