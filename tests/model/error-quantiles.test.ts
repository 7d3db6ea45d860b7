import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ErrorQuantiles } from '../../src/model/error-quantiles.ts'

test('keeps quantiles as NumPy counts them, the least and the greatest error among them', () => {
  // numpy.quantile([9, 1, 4, 16], [0, 0.1, 0.25, 0.5, 0.95, 1]), NumPy 2.3
  const fitted = ErrorQuantiles.fit(Float64Array.of(9, 1, 4, 16))
  assert.is(fitted.count, 4)
  assert.equal(fitted.values, [1, 4, 9, 16], 'all, as they are few')
  const expected = { 0: 1, 0.1: 1.9, 0.25: 3.25, 0.5: 6.5, 0.95: 14.95, 1: 16 }
  for (const [share, value] of Object.entries(expected)) {
    const found = fitted.quantile(Number(share))
    assert.ok(Math.abs(found - value) < 1e-12, `${share}: expected ${value}, found ${found}`)
  }
})

test('a percentile is the share of rows whose error is no greater', () => {
  const errors = Float64Array.from({ length: 5000 }, (_, i) => ((i * 37) % 5000) / 1000)
  const fitted = ErrorQuantiles.fit(errors)
  for (const error of [0.0004, 0.5, 1.2345, 4.9]) {
    const share = errors.filter((other) => other <= error).length / errors.length
    assert.ok(Math.abs(fitted.percentileOf(error) - 100 * share) < 0.05, `of ${error}`)
  }
  assert.is(fitted.values.length, 1001)
  assert.is(fitted.percentileOf(-1), 0)
  assert.is(fitted.percentileOf(Number.NaN), 0)
  assert.is(fitted.percentileOf(5), 100)
  assert.is(fitted.percentileOf(Infinity), 100)
})

test('among few errors a percentile is exact', () => {
  const errors = Float64Array.from({ length: 400 }, (_, i) => ((i * 37) % 400) ** 2)
  const fitted = ErrorQuantiles.fit(errors)
  for (const place of [0, 1, 273, 399]) assert.is(fitted.percentileOf(place ** 2), (100 * place) / 399)
  assert.ok(Math.abs(fitted.percentileOf((200 ** 2 + 201 ** 2) / 2) - 20050 / 399) < 1e-12)
})

test('a share too small for the quantiles that are kept is refused, where rows lie between them', () => {
  const errors = Float64Array.from({ length: 100_000 }, (_, i) => 1 / (100_000 - i))
  const fitted = ErrorQuantiles.fit(errors)
  // numpy.quantile(errors, 0.999), NumPy 2.3
  assert.ok(Math.abs(fitted.threshold(0.001) / 0.009901089108911272 - 1) < 1e-9)
  assert.throws(
    () => fitted.threshold(0.0009),
    /^contamination: expected at least 0\.001, as closely as the errors of 100000 rows are kept, found 0\.0009; a/,
  )
  // Of few rows the last quantiles lie on the line between the last two.
  const few = ErrorQuantiles.fit(errors.subarray(0, 1001))
  assert.ok(few.threshold(0.0001) < errors[1000] && few.threshold(0.0001) > errors[999])
})

test('of rows at hand every error counts, however small the share', () => {
  const errors = Float64Array.from({ length: 100_000 }, (_, i) => 1 / (100_000 - i))
  const exact = ErrorQuantiles.exact(errors.toReversed())
  // numpy.quantile(errors, 1 - 0.0001), NumPy 2.3
  assert.ok(Math.abs(exact.threshold(0.0001) / 0.09091000000004318 - 1) < 1e-9)
  assert.is(exact.percentileOf(1), 100)
  assert.is(ErrorQuantiles.exact(Float64Array.of(3)).threshold(), 3)
})

test('of equal errors, all are no greater', () => {
  const fitted = ErrorQuantiles.fit(Float64Array.of(0, 2, 2, 2, 4))
  assert.ok(Math.abs(fitted.percentileOf(2) - 75) < 1e-9)
  assert.is(fitted.percentileOf(4), 100)
  assert.is(fitted.percentileOf(1.9999) < 25, true)
  const alone = ErrorQuantiles.fit(Float64Array.of(3))
  assert.is(alone.quantile(0.3), 3)
  assert.is(alone.percentileOf(2.9), 0)
  assert.is(alone.percentileOf(3), 100)
})

test('values that are no quantiles are refused', () => {
  for (const values of [[], [1], [2, 1], [-1, 2], [0, Number.NaN], [0, Infinity]]) {
    assert.throws(() => new ErrorQuantiles(values, 3), /^error quantiles: expected/)
  }
  assert.throws(() => new ErrorQuantiles([0, 1], 0), /found 0/)
  assert.throws(() => ErrorQuantiles.fit(Float64Array.of(1, Number.NaN)), /error quantiles/)
  assert.throws(() => ErrorQuantiles.fit(new Float64Array()), /error quantiles/)
})

test.run()
