/**
 * The page finds a plane in milliseconds, by power iteration to screen precision; experiments take their time
 * for all components. Both must be the same analysis. And the plane must not flip from one moment to the
 * next.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { principalComponents, project as projectAll } from '../../src/experiments/pca.ts'
import { createRandomSequence } from '../../src/random/sequence.ts'
import { alignAxes, principalPlane, project } from '../../src/web/projection.ts'

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

type Axes = readonly [Float64Array, Float64Array]

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0)
}

/** Within their plane, by `degrees`, and mirrored or not. */
function turned([first, second]: Axes, degrees: number, isMirrored: boolean): Axes {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  const side = isMirrored ? -1 : 1
  return [
    first.map((value, i) => cos * value + sin * second[i]),
    first.map((value, i) => side * (cos * second[i] - sin * value)),
  ]
}

/** Two directions of length 1 at right angles, (z) each. */
function randomAxes(seed: number, z: number): Axes {
  const random = createRandomSequence(seed)
  const draw = () => Float64Array.from({ length: z }, () => random.normal())
  const unit = (vector: Float64Array) => vector.map((value) => value / Math.sqrt(dot(vector, vector)))
  const first = unit(draw())
  const other = draw()
  const along = dot(first, other)
  return [first, unit(other.map((value, i) => value - along * first[i]))]
}

test('axes are turned and mirrored within their plane to where they lie nearest to those before', () => {
  const nearness = (axes: Axes, before: Axes) => dot(axes[0], before[0]) + dot(axes[1], before[1])
  for (let seed = 1; seed <= 20; seed++) {
    const [axes, before] = [randomAxes(seed, 8), randomAxes(100 + seed, 8)]
    const found = alignAxes(axes, before)
    // Still two directions at right angles in the same plane.
    for (const [a, b, wanted] of [[0, 0, 1] as const, [1, 1, 1] as const, [0, 1, 0] as const]) {
      assert.ok(Math.abs(dot(found[a], found[b]) - wanted) < 1e-12, `seed ${seed}: ${a} · ${b}`)
    }
    for (const axis of found) {
      const inPlane = dot(axis, axes[0]) ** 2 + dot(axis, axes[1]) ** 2
      assert.ok(Math.abs(inPlane - 1) < 1e-12, `seed ${seed}: ${inPlane} of it in the plane`)
    }
    // No turn of a degree's step comes nearer.
    for (let degrees = 0; degrees < 360; degrees++) {
      for (const isMirrored of [false, true]) {
        const tried = nearness(turned(axes, degrees, isMirrored), before)
        assert.ok(tried <= nearness(found, before) + 1e-12, `seed ${seed}: ${degrees}°, ${isMirrored}`)
      }
    }
    // The same plane comes to lie as it was, however it was turned.
    for (const isMirrored of [false, true]) {
      const back = alignAxes(turned(before, 77, isMirrored), before)
      assert.ok(Math.abs(nearness(back, before) - 2) < 1e-12, `seed ${seed}: turned back, ${isMirrored}`)
    }
  }
})

test('axes of another number of units stay as they are', () => {
  const axes = randomAxes(1, 8)
  assert.is(alignAxes(axes, randomAxes(2, 4)), axes)
})

test.run()
