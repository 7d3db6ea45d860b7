/**
 * The page finds a plane in milliseconds, by power iteration to screen precision; experiments take their time
 * for all components. Both must be the same analysis.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { principalComponents, project as projectAll } from '../../src/experiments/pca.ts'
import { createRandomSequence } from '../../src/random/sequence.ts'
import { principalPlane, project } from '../../src/web/projection.ts'

/** Correlated codes (count, z), off the origin: spreads fall by a third from one direction to the next. */
function codesOf(count: number, z: number): Float32Array {
  const random = createRandomSequence(7)
  const turn = Array.from({ length: z * z }, () => random.normal())
  const codes = new Float32Array(count * z)
  for (let row = 0; row < count; row++) {
    for (let direction = 0; direction < z; direction++) {
      const along = random.normal() * 0.66 ** direction
      for (let i = 0; i < z; i++) codes[row * z + i] += along * turn[direction * z + i] + i / z
    }
  }
  return codes
}

test("the page's plane is that of the first two principal components", async () => {
  const [count, z] = [500, 8]
  const codes = codesOf(count, z)
  const plane = principalPlane(codes, z)
  const pca = await principalComponents(codes, z, 2)
  const near = (found: number, wanted: number, what: string) =>
    assert.ok(Math.abs(found - wanted) < 1e-4, `${what}: ${found}, expected ${wanted}`)
  near(plane.explained, (pca.variances[0] + pca.variances[1]) / pca.totalVariance, 'share of the variance')
  plane.mean.forEach((value, i) => {
    near(value, pca.mean[i], 'mean')
  })
  const wanted = await projectAll(pca, codes)
  const signs = plane.axes.map((axis, component) =>
    Math.sign(axis.reduce((sum, value, i) => sum + value * pca.components[component * z + i], 0)),
  )
  for (let row = 0; row < count; row++) {
    const found = project(plane, codes.subarray(row * z, (row + 1) * z))
    for (const axis of [0, 1]) near(signs[axis] * found[axis], wanted[2 * row + axis], `row ${row}`)
  }
})

test.run()
