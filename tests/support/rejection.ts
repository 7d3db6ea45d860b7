import * as assert from 'uvu/assert'

type ErrorKind<Kind extends Error> = new (...args: never[]) => Kind

/** The error that the promise is rejected with, which must be of this kind. */
export async function rejection(promise: Promise<unknown>): Promise<Error>
export async function rejection<Kind extends Error>(
  promise: Promise<unknown>,
  kind: ErrorKind<Kind>,
): Promise<Kind>
export async function rejection(promise: Promise<unknown>, kind: ErrorKind<Error> = Error): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, kind, `expected a rejection with ${kind.name}, found ${String(error)}`)
  return error as Error
}

/** Asserts that the promise is rejected with an error of this kind, which says so in one line. */
export async function refuses(
  promise: Promise<unknown>,
  kind: ErrorKind<Error>,
  message: RegExp,
): Promise<void> {
  const error = await rejection(promise, kind)
  assert.match(error.message, message)
  assert.not.match(error.message, /\n/)
}
