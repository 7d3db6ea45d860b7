/** Writes a folder of files: whole or not at all. Node only. */
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FileError, HourglassError } from '../errors.ts'
import { errorCode, reason } from './reason.ts'
import { resolveTarget } from './target.ts'
import { temporaryPath } from './temporary.ts'
import { makeDirectory } from './write.ts'

export interface FolderEntry {
  /** Path within the folder, parts separated by `/`. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** Throws FileError unless there is nothing at the path, or an empty folder. */
export async function checkFolder(path: string): Promise<void> {
  await findFolder(path)
}

/** Where the folder goes, and whether an empty one is there. */
async function findFolder(path: string): Promise<{ target: string; isThere: boolean }> {
  const target = await resolveTarget(path.replace(/(?<=.)[/\\]+$/, ''))
  try {
    const found = await readdir(target)
    if (found.length === 0) return { target, isThere: true }
    throw new FileError(
      path,
      `expected a new or an empty folder, found one with ${found.length} ${found.length === 1 ? 'entry' : 'entries'}`,
    )
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return { target, isThere: false }
    if (cause instanceof FileError) throw cause
    if (errorCode(cause) === 'ENOTDIR') throw new FileError(path, 'expected a folder, found a file')
    throw new FileError(path, `cannot be written: ${reason(cause)}`, { cause })
  }
}

/**
 * Writes the files into a folder beside the target, which then takes its name. The target is new or an empty
 * folder; on failure it is as it was.
 *
 * @returns how many files there are
 * @throws FileError
 */
export async function writeFolder(path: string, entries: AsyncIterable<FolderEntry>): Promise<number> {
  const { target, isThere } = await findFolder(path)
  const temporary = temporaryPath(target)
  const made = new Set<string>()
  let count = 0
  try {
    await makeDirectory(dirname(target))
    await mkdir(temporary)
    for await (const { name, bytes } of entries) {
      const file = join(temporary, name)
      const folder = dirname(file)
      if (!made.has(folder)) await mkdir(folder, { recursive: true })
      made.add(folder)
      await writeFile(file, bytes, { flag: 'wx' })
      count++
    }
    if (isThere) await rmdir(target)
    await rename(temporary, target)
    return count
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined)
    if (cause instanceof HourglassError || errorCode(cause) === '') throw cause
    throw new FileError(path, `cannot be written: ${reason(cause)}`, { cause })
  }
}
