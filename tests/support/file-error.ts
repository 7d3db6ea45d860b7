import * as assert from 'uvu/assert'
import { FileError } from '../../src/errors.ts'
import { rejection } from './rejection.ts'

/** Asserts that the promise fails with a FileError of one line that holds each of the parts. */
export async function expectFileError(promise: Promise<unknown>, ...parts: string[]): Promise<void> {
  const { message } = await rejection(promise, FileError)
  assert.not.match(message, /\n/)
  for (const part of parts) assert.ok(message.includes(part), `"${part}" is not in "${message}"`)
}
