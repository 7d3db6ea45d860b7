/** How files are opened to be read: regular ones alone, in Node. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { FileError } from '../errors.ts'
import { reason } from './reason.ts'

/**
 * The opened file, which the caller closes. Throws FileError for what cannot be opened and for anything but a
 * regular file: a pipe that nobody writes into would keep its reader for ever.
 */
export async function openToRead(path: string): Promise<FileHandle> {
  let file: FileHandle | undefined
  try {
    file = await open(path, READING)
    checkRegular(await file.stat(), path)
    return file
  } catch (cause) {
    await file?.close()
    throw unreadable(path, cause)
  }
}

/**
 * The text of a file in UTF-8, for what must be known before anything can wait. Throws FileError as
 * `openToRead`, and for a file of more than `most` bytes.
 */
export function readTextSync(path: string, most: number): string {
  let file: number | undefined
  try {
    file = openSync(path, READING)
    const found = fstatSync(file)
    checkRegular(found, path)
    if (found.size > most) {
      throw new FileError(path, `expected at most ${most} bytes of text, found ${found.size}`)
    }
    return new TextDecoder().decode(readFileSync(file))
  } catch (cause) {
    throw unreadable(path, cause)
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** With O_NONBLOCK (0 on Windows) a pipe opens at once, so that it can be seen for what it is. */
const READING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

function checkRegular(found: Stats, path: string): void {
  if (found.isFile()) return
  const what = found.isDirectory() ? 'a directory' : 'a device or pipe'
  throw new FileError(path, `expected a regular file, found ${what}`)
}

function unreadable(path: string, cause: unknown): FileError {
  if (cause instanceof FileError) return cause
  return new FileError(path, `cannot be read: ${reason(cause)}`, { cause })
}
