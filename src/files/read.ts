/** How files are opened to be read: regular ones alone, in Node. */
import { constants } from 'node:fs'
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
    // With O_NONBLOCK (0 on Windows) a pipe opens at once, so that it can be seen for what it is.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const found = await file.stat()
    if (found.isFile()) return file
    const what = found.isDirectory() ? 'a directory' : 'a device or pipe'
    throw new FileError(path, `expected a regular file, found ${what}`)
  } catch (cause) {
    await file?.close()
    if (cause instanceof FileError) throw cause
    throw new FileError(path, `cannot be read: ${reason(cause)}`, { cause })
  }
}
