import * as assert from 'uvu/assert'
import { FileError } from '../../src/errors.ts'

/**
 * Asserts that `read` throws a FileError of one line that begins with the file's name and matches `expected`.
 */
export function assertRefused(read: (file: string) => unknown, expected: RegExp): void {
  let caught: unknown
  try {
    read('bad.file')
  } catch (error) {
    caught = error
  }
  assert.instance(caught, FileError, `expected ${expected}, found ${caught ?? 'no error'}`)
  const { message } = caught as FileError
  assert.match(message, /^bad\.file: /)
  assert.match(message, expected)
  assert.not.match(message, /[\n\r]/)
}
