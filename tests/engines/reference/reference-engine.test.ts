import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gradients, lossOf } from '../../../src/engines/reference/backward.ts'
import { createReferenceEngine } from '../../../src/engines/reference/reference-engine.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import { imageNoise, initialParameters, shuffledOrder } from '../../../src/random/streams.ts'
import { conformance } from '../conformance.ts'

/**
 * Against itself nothing may differ at all; what the oracle itself must do stands below and in
 * gradients.test.ts.
 */
conformance('the reference engine', async (network) => createReferenceEngine(network), {
  tolerance: { loss: 0, parameters: 0, moments: 0, outputs: 0 },
})

const test = suite('the reference engine by itself')
const WIDTH = 6
const COUNT = 5
const network = hourglass({ input: WIDTH, hidden: 4, bottleneck: 2 })
const images = Uint8Array.from({ length: COUNT * WIDTH }, (_, i) => (i * 89 + 31) % 256)
const request = { seed: 21, epoch: 3, batchSize: 2, learningRate: 1e-3, weightDecay: 0 }
const noLabels = new Uint8Array(0)

async function prepare() {
  const engine = createReferenceEngine(network)
  await engine.setTrainingSet({ rows: images })
  await engine.initialize(1)
  return engine
}

/** Images in this order as network inputs, (n, WIDTH). */
const pixels = (order: ArrayLike<number>) =>
  Float64Array.from(
    Array.from(order).flatMap((image) => [...images.subarray(image * WIDTH, (image + 1) * WIDTH)]),
    (byte) => byte / 255,
  )

test('the first loss is that of the first images of the shuffle', async () => {
  const targets = pixels(shuffledOrder(COUNT, 21, 3).subarray(0, 2))
  const engine = await prepare()
  const { batchLosses } = await engine.trainEpoch(request)
  const parameters = Float64Array.from(initialParameters(network, 1))
  assert.is(batchLosses[0], lossOf(network, parameters, { inputs: targets, targets, labels: noLabels }))
  assert.is(batchLosses.length, 3)
  assert.is((await engine.readState()).steps, 3)
})

test('noise of (image, epoch) is added to the inputs, not to the targets, and clipped to [0, 1]', async () => {
  const order = Uint32Array.of(4, 1)
  const targets = pixels(order)
  const inputs = targets.slice()
  let [below, above] = [0, 0]
  order.forEach((image, row) => {
    const noise = new Float64Array(WIDTH)
    imageNoise(noise, image, 3, 21)
    noise.forEach((value, pixel) => {
      const noisy = targets[row * WIDTH + pixel] + 2 * value
      inputs[row * WIDTH + pixel] = noisy < 0 ? 0 : noisy > 1 ? 1 : noisy
      if (noisy < 0) below++
      if (noisy > 1) above++
    })
  })
  assert.ok(below > 0 && above > 0 && below + above < inputs.length)
  const engine = await prepare()
  const { batchLosses } = await engine.trainEpoch({ ...request, order, noiseStd: 2 })
  const parameters = Float64Array.from(initialParameters(network, 1))
  const expected = gradients(network, parameters, { inputs, targets, labels: noLabels })
  assert.is(batchLosses[0], expected.loss)
  // Adam's first moment after one step is a tenth of the gradient.
  const { firstMoment } = await engine.readState()
  expected.gradient.forEach((value, i) => {
    assert.ok(Math.abs(firstMoment[i] - 0.1 * value) <= 1e-16, `gradient of parameter ${i}`)
  })
})

test('decoding the codes is reconstructing, and its mean error is the loss', async () => {
  const engine = await prepare()
  assert.equal(await engine.decode(await engine.encode(images)), await engine.forward(images))
  const errors = await engine.reconstructionErrors(images)
  const targets = pixels([0, 1, 2, 3, 4])
  const { parameters } = await engine.readState()
  const batch = { inputs: targets, targets, labels: noLabels }
  const loss = lossOf(network, Float64Array.from(parameters), batch)
  assert.ok(Math.abs(errors.reduce((sum, error) => sum + error, 0) / COUNT - loss) <= 1e-15)
})

test('more rows than it takes at once', async () => {
  const engine = await prepare()
  const rows = Float64Array.from({ length: 600 * WIDTH }, (_, i) => Math.sin(i))
  const all = await engine.forward(rows)
  for (const row of [0, 255, 256, 511, 512, 599]) {
    const one = await engine.forward(rows.subarray(row * WIDTH, (row + 1) * WIDTH))
    assert.equal(all.slice(row * WIDTH, (row + 1) * WIDTH), one)
  }
})

test.run()
