import * as assert from 'uvu/assert'
import { FileError } from '../../src/errors.ts'

/** Asserts that the promise fails with a FileError of one line that holds each of the parts. */
export async function expectFileError(promise: Promise<unknown>, ...parts: string[]): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, FileError)
  const { message } = error as FileError
  assert.not.match(message, /\n/)
  for (const part of parts) assert.ok(message.includes(part), `"${part}" is not in "${message}"`)
}
