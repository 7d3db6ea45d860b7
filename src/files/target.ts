/**
 * Which file a path means: through symbolic links, and within the folder that it must not leave. Node only.
 */
import { lstat, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { FileError } from '../errors.ts'
import { quote } from '../quote.ts'
import { errorCode, reason } from './reason.ts'

/** As many links in a row as Linux follows. */
const MAX_LINKS = 40

/** The path from the root. Throws FileError for a relative one where the working directory is gone. */
export function absolutePath(path: string): string {
  try {
    return resolve(path)
  } catch (cause) {
    throw new FileError(path, `the working directory cannot be used: ${reason(cause)}`, { cause })
  }
}

/**
 * The file that writing to `path` changes, as an absolute path without symbolic links: what a link at its end
 * leads to, even where that does not exist yet. Two paths of one file give the same, but for hard links.
 * Throws FileError where its folder does not exist.
 */
export async function resolveTarget(path: string): Promise<string> {
  try {
    let target = absolutePath(path)
    for (let links = 0; links < MAX_LINKS; links++) {
      const folder = await realpath(dirname(target))
      target = join(folder, basename(target))
      const found = await lstat(target).catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return undefined
        throw error
      })
      if (!found?.isSymbolicLink()) return target
      target = resolve(folder, await readlink(target))
    }
  } catch (cause) {
    if (cause instanceof FileError) throw cause
    throw new FileError(
      path,
      `expected a writable directory ${dirname(absolutePath(path))}, found: ${reason(cause)}`,
      { cause },
    )
  }
  throw new FileError(path, 'expected a file, found symbolic links that lead in a circle')
}

export interface Confinement {
  /** The file that holds the path: nothing outside its folder may be named. */
  readonly file: string
  /** What the path is for, such as `weights`. */
  readonly what: string
  /** The flag by which the user may confirm a place elsewhere, such as `--save`. */
  readonly flag: string
}

/**
 * A path that was read from a file, as one that may be written to: relative paths count from the file's own
 * folder, and no path may leave that folder, be it by `..`, from the root or through a symbolic link. Throws
 * FileError, which names the flag that allows another place.
 */
export async function confinePath(stored: string, { file, what, flag }: Confinement): Promise<string> {
  const refuse = (found: string, cause?: unknown): never => {
    throw new FileError(
      file,
      `expected a place for the ${what} within its own folder, found ${found}; ${flag} says where they may go`,
      { cause },
    )
  }
  if (stored === '' || stored.includes('\0')) return refuse(quote(stored))
  const folder = dirname(file)
  const path = isAbsolute(stored) ? stored : join(folder, stored)
  let inside: string
  try {
    inside = relative(await realpath(absolutePath(folder)), await resolveTarget(path))
  } catch (cause) {
    return refuse(quote(stored), cause)
  }
  const isWithin = inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside)
  return isWithin ? path : refuse(quote(stored))
}
