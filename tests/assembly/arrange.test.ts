import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROWS } from '../../src/engines/wasm/plan.ts'
import { assertSameBits, CORE_VARIANTS, FencedBuffers, loadCore, uniforms } from '../support/core.ts'

const WINDOW = 256
const SIGNATURE_BITS = 64

/** Images as bytes in rows of `padded`, most runs of pixels dark. */
function images(count: number, padded: number, seed: number): Uint8Array {
  const next = uniforms(seed)
  const bytes = new Uint8Array(count * padded)
  for (let at = 0; at < bytes.length; at += 8) {
    if (next() < 0.3) bytes.fill(1 + Math.floor(255 * next()), at, at + 5)
  }
  return bytes
}

/** Bit b is set if a run of four pixels that begins in the b-th of 64 equal parts is not all zero. */
function signature(bytes: Uint8Array): bigint {
  let bits = 0n
  for (let column = 0; column < bytes.length; column += 4) {
    const lit = bytes.subarray(column, column + 4).some((value) => value !== 0)
    if (lit) bits |= 1n << BigInt(Math.floor((column * SIGNATURE_BITS) / bytes.length))
  }
  return bits
}

function ones(bits: bigint): number {
  return bits.toString(2).replaceAll('0', '').length
}

/** Every eighth pair, then those that follow them, and so on; an image without a partner stays last. */
function spread(window: readonly number[]): number[] {
  const pairs = Array.from({ length: Math.floor(window.length / 2) }, (_, i) =>
    window.slice(2 * i, 2 * i + 2),
  )
  const sorted = pairs.map((pair, i) => ({ pair, turn: i % 8 })).sort((a, b) => a.turn - b.turn)
  return [...sorted.flatMap(({ pair }) => pair), ...window.slice(2 * pairs.length)]
}

/** Greedy, as the docstring says, with lists in place of swaps only where the outcome is the same. */
function arranged(order: readonly number[], batchSize: number, signatures: readonly bigint[]): number[] {
  const result = [...order]
  for (let batch = 0; batch < result.length; batch += batchSize) {
    const end = Math.min(batch + batchSize, result.length)
    for (let first = batch; first < end; first += WINDOW) {
      const last = Math.min(first + WINDOW, end)
      for (let place = first + 1; place < last; place += 2) {
        const differing = (i: number) => ones(signatures[result[i]] ^ signatures[result[place - 1]])
        let best = place
        for (let i = place; i < last; i++) if (differing(i) < differing(best)) best = i
        ;[result[place], result[best]] = [result[best], result[place]]
      }
      result.splice(first, last - first, ...spread(result.slice(first, last)))
    }
  }
  return result
}

for (const variant of CORE_VARIANTS) {
  const test = suite(`likeness within minibatches, core ${variant}`)
  const { kernels, memory } = await loadCore(variant)

  test('signs images, puts like ones side by side and spreads the pairs, within each minibatch only', () => {
    for (const [count, padded, batchSize] of [
      [1, 16, 4],
      [7, 16, 3],
      [30, 112, 13],
      [90, 784, 256],
      [300, 48, 300],
    ]) {
      const bytes = images(count, padded, count)
      const expectedSignatures = Array.from({ length: count }, (_, i) =>
        signature(bytes.subarray(i * padded, (i + 1) * padded)),
      )
      const order = Array.from({ length: count }, (_, i) => (i * 7 + 3) % count)
      const buffers = new FencedBuffers(memory)
      const imageAddress = buffers.input(new Uint32Array(bytes.buffer))
      const signatures = buffers.output(count * 2)
      const orderAddress = buffers.inOut(Uint32Array.from(order))
      const scratch = buffers.output(WINDOW * 2)
      kernels.signRows(signatures, imageAddress, count, ROWS.bytes, padded, padded)
      kernels.arrangeBatches(orderAddress, count, batchSize, signatures, scratch)
      const what = `${count} images of ${padded} by ${batchSize}`
      buffers.check(what)
      const words = buffers.bits(signatures, count * 2)
      expectedSignatures.forEach((bits, i) => {
        assert.is(BigInt(words[2 * i]) | (BigInt(words[2 * i + 1]) << 32n), bits, `${what}: signature ${i}`)
      })
      const actual = Array.from(buffers.bits(orderAddress, count))
      assert.equal(actual, arranged(order, batchSize, expectedSignatures), what)
      for (let batch = 0; batch < count; batch += batchSize) {
        const sorted = (list: readonly number[]) => list.slice(batch, batch + batchSize).sort((a, b) => a - b)
        assert.equal(sorted(actual), sorted(order), `${what}: images of the minibatch at ${batch}`)
      }
    }
  })

  test('signs rows of floats as it does the bytes of the same values', () => {
    for (const columns of [1, 3, 8, 30, 65, 100, 257, 784]) {
      const count = 20
      const padded = Math.ceil(columns / 8) * 8
      const bytes = images(count, padded, columns)
      for (let row = 0; row < count; row++) bytes.fill(0, row * padded + columns, (row + 1) * padded)
      const floats = Float32Array.from(
        { length: count * columns },
        (_, i) => bytes[Math.floor(i / columns) * padded + (i % columns)] / 255,
      )
      const buffers = new FencedBuffers(memory)
      const ofBytes = buffers.output(count * 2)
      const ofFloats = buffers.output(count * 2)
      const byteRows = buffers.input(new Uint32Array(bytes.buffer))
      kernels.signRows(ofBytes, byteRows, count, ROWS.bytes, columns, padded)
      kernels.signRows(ofFloats, buffers.input(floats), count, ROWS.floats, columns, columns * 4)
      buffers.check(`${columns} columns`)
      const [expected, found] = [ofBytes, ofFloats].map((address) => buffers.bits(address, count * 2))
      assertSameBits(found, expected, `${columns} columns`)
      assert.ok(new Set(expected).size > 1, `${columns} columns: signatures that say nothing`)
    }
  })

  test.run()
}
