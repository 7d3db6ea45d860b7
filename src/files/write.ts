/**
 * The one writer of files in Node: whole or not at all, durable, by one process at a time.
 *
 * What is kept of a file that is replaced: its mode, its owner where the system lets us, and the symbolic
 * links that lead to it. Its hard links and extended attributes are not: the other names keep the old
 * content. A file that nobody may write is refused.
 */
import { constants } from 'node:fs'
import { access, type FileHandle, mkdir, open, rename, rm, stat, truncate } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { FileError, HourglassError } from '../errors.ts'
import { type Claim, type ClaimKind, claimTarget } from './claim.ts'
import { errorCode, reason } from './reason.ts'
import { resolveTarget } from './target.ts'
import { temporaryPath } from './temporary.ts'

/**
 * How long to wait for who writes the file once; and for a run, which may just be stepping back like this
 * one.
 */
const PATIENCE_MS = { once: 3_000, run: 300 } as const
/** Two that claim at once both step back: by chance one comes first the next time. */
const STEP_BACK_MS = 40

/** Content of a file: its bytes, whole or a part at a time, or text that is written as UTF-8. */
export type Content = Uint8Array | string | AsyncIterable<Uint8Array>

/** Files that this process holds for a run. */
export interface Outputs {
  /** What the user should know of them, one line each. */
  readonly notes: readonly string[]
  /** Lets other processes write them. Idempotent. */
  release(): Promise<void>
}

/** Targets that `holdOutputs` holds. */
const held = new Set<string>()
/** The last use of each target in this process: uses of one target wait for each other. */
const turns = new Map<string, Promise<unknown>>()

function inTurn<T>(target: string, work: () => Promise<T>): Promise<T> {
  const turn = (turns.get(target) ?? Promise.resolve()).then(work)
  const settled = turn
    .catch(() => undefined)
    .then(() => {
      if (turns.get(target) === settled) turns.delete(target)
    })
  turns.set(target, settled)
  return turn
}

/** Throws FileError where another process has the target and keeps it. */
async function claim(target: string, path: string, kind: ClaimKind): Promise<Claim> {
  const startMs = performance.now()
  for (;;) {
    let found: Awaited<ReturnType<typeof claimTarget>>
    try {
      found = await claimTarget(target, kind)
    } catch (cause) {
      throw new FileError(path, `expected a writable directory ${dirname(target)}, found: ${reason(cause)}`, {
        cause,
      })
    }
    if ('release' in found) return found
    if (performance.now() - startMs > PATIENCE_MS[found.kind]) {
      const who = found.isElsewhere ? 'in another container or on another machine' : `process ${found.pid}`
      throw new FileError(path, `expected a file that no other run writes, found one that does (${who})`)
    }
    await setTimeout(STEP_BACK_MS * (0.5 + Math.random()))
  }
}

interface Replaced {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly links: number
}

/**
 * What the target is now; undefined where it does not exist. Throws FileError for what a file cannot take the
 * place of: a directory, a device such as /dev/null, a file that its mode makes read-only.
 */
async function inspect(target: string, path: string): Promise<Replaced | undefined> {
  let found: Awaited<ReturnType<typeof stat>>
  try {
    found = await stat(target)
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    throw new FileError(path, `cannot be written: ${reason(cause)}`, { cause })
  }
  if (found.isDirectory()) throw new FileError(path, 'expected a file, found a directory')
  if (!found.isFile()) throw new FileError(path, 'expected a regular file, found a device or pipe')
  const mode = found.mode & 0o7777
  // To root everything is writable, but whoever made it read-only meant it.
  if ((mode & 0o222) === 0) {
    throw new FileError(path, `expected a file that may be written, found it read-only (mode ${octal(mode)})`)
  }
  await access(target, constants.W_OK).catch((cause: unknown) => {
    throw new FileError(path, `cannot be written: ${reason(cause)}`, { cause })
  })
  return { mode, uid: found.uid, gid: found.gid, links: found.nlink }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

/** Throws FileError for an empty name and for one that ends as a directory's does. */
function checkName(path: string): void {
  if (path === '' || /[/\\]$/.test(path)) {
    throw new FileError(path === '' ? 'output' : path, 'expected the name of a file, found none')
  }
}

async function findTarget(path: string): Promise<string> {
  checkName(path)
  return resolveTarget(path)
}

/**
 * Takes the files of a run, before it begins: checks that each can be written and is not being written by
 * another process, removes what killed runs left of them, and keeps other processes from writing them until
 * `release`. After a SIGKILL they are free at once.
 *
 * @param inputs files that the run reads, none of which it may write
 * @throws FileError for a path that cannot be written, for one that another run holds, for two paths of one
 *   file, and for an input
 */
export async function holdOutputs(
  paths: readonly string[],
  inputs: readonly (string | undefined)[] = [],
): Promise<Outputs> {
  // One after the other: of several that cannot be, the first is named, not the one that was seen first.
  const targets: string[] = []
  for (const path of paths) targets.push(await findTarget(path))
  targets.forEach((target, i) => {
    const first = targets.indexOf(target)
    if (first === i) return
    throw new FileError(paths[i], `expected another file than ${paths[first]}, found the same one`)
  })
  for (const input of inputs) {
    // One that is not there is the reader's to refuse.
    const read = input === undefined ? undefined : await resolveTarget(input).catch(() => undefined)
    if (read === undefined || !targets.includes(read)) continue
    const path = paths[targets.indexOf(read)]
    throw new FileError(path, 'expected another file than those that are read, found one of them')
  }
  const claims: (readonly [string, Claim])[] = []
  const notes: string[] = []
  const release = async () => {
    await Promise.all(
      claims.splice(0).map(([target, own]) => {
        held.delete(target)
        return own.release()
      }),
    )
  }
  try {
    for (const [i, target] of targets.entries()) {
      await inTurn(target, async () => {
        const found = await inspect(target, paths[i])
        if (found && found.links > 1) {
          notes.push(`${paths[i]}: has ${found.links} hard links; the other names will keep the old content`)
        }
        if (held.has(target)) {
          throw new FileError(paths[i], 'expected a file that no other run writes, found one of this program')
        }
        const own = await claim(target, paths[i], 'run')
        claims.push([target, { release: () => own.release() }])
        held.add(target)
      })
    }
    return { notes, release }
  } catch (error) {
    await release()
    throw error
  }
}

/**
 * Checks, without leaving a trace, that `writeFileAtomically(path)` can work: the directory exists and takes
 * new files, and the target is no directory, no device, not read-only and not another run's. Throws
 * FileError.
 */
export async function checkWritable(path: string): Promise<void> {
  const target = await findTarget(path)
  await inTurn(target, async () => {
    await inspect(target, path)
    if (!held.has(target)) await (await claim(target, path, 'once')).release()
  })
}

/**
 * Makes a directory, and those above it, unless it is there. Throws FileError.
 *
 * Node's own recursive `mkdir` never ends where the system will have no directory (/proc/x, Node 26), and
 * says of a read-only file system that there is no such directory.
 */
export async function makeDirectory(path: string): Promise<void> {
  if (path === '') throw new FileError('output', 'expected the name of a directory, found none')
  try {
    const missing: string[] = []
    for (let folder = resolve(path); !(await makeOneDirectory(folder)); folder = dirname(folder)) {
      missing.unshift(folder)
    }
    for (const folder of missing) {
      if (!(await makeOneDirectory(folder))) throw Object.assign(new Error(folder), { code: 'ENOENT' })
    }
  } catch (cause) {
    throw new FileError(path, `cannot be made a directory: ${reason(cause)}`, { cause })
  }
}

/** False where what it would stand in is not there. */
async function makeOneDirectory(folder: string): Promise<boolean> {
  try {
    await mkdir(folder)
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT' && dirname(folder) !== folder) return false
    // Where a link is in the way, what is wrong with it is the reason.
    const isDirectory = await stat(folder).then(
      (found) => found.isDirectory(),
      (why: unknown) => {
        throw errorCode(cause) === 'EEXIST' ? why : cause
      },
    )
    if (!isDirectory) throw cause
  }
  return true
}

/**
 * Writes a file under a temporary name beside the target and renames it: readers see the old content or the
 * new one, never a part, and what is written survives a loss of power from the moment the promise resolves.
 * On failure the target is as it was, nothing is left beside it, and a FileError says why. Waits for another
 * process that is writing the same file, but not for a run.
 */
export async function writeFileAtomically(path: string, content: Content): Promise<void> {
  await exclusively(path, (target) => replace(target, path, content))
}

/**
 * Adds to the end of a file, which need not exist: all of it or, on failure, nothing. Durable and exclusive
 * as above.
 */
export async function appendDurably(path: string, content: Content): Promise<void> {
  await exclusively(path, async (target) => {
    const before = (await inspect(target, path)) && (await stat(target)).size
    try {
      await fill(await open(target, 'a'), content)
      if (before === undefined) await syncFolder(target)
    } catch (cause) {
      // Half a line would spoil the next.
      if (before === undefined) await rm(target, { force: true }).catch(() => undefined)
      else await truncate(target, before).catch(() => undefined)
      throw cause
    }
  })
}

async function exclusively(path: string, work: (target: string) => Promise<void>): Promise<void> {
  const target = await findTarget(path)
  await inTurn(target, async () => {
    const own = held.has(target) ? undefined : await claim(target, path, 'once')
    try {
      await work(target)
    } catch (cause) {
      // Whoever makes the content a part at a time has reasons of his own to fail.
      if (cause instanceof HourglassError || errorCode(cause) === '') throw cause
      throw new FileError(path, `cannot be written: ${reason(cause)}`, { cause })
    } finally {
      await own?.release()
    }
  })
}

async function replace(target: string, path: string, content: Content): Promise<void> {
  const found = await inspect(target, path)
  const temporary = temporaryPath(target)
  try {
    // Nobody may read it who may not read the old one.
    const file = await open(temporary, 'wx', found === undefined ? 0o666 : 0o600)
    await fill(file, content, found)
    await rename(temporary, target)
    await syncFolder(target)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Writes all, makes it durable and closes. */
async function fill(file: FileHandle, content: Content, like?: Replaced): Promise<void> {
  try {
    await file.writeFile(content)
    if (like !== undefined) await resemble(file, like)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function resemble(file: FileHandle, { mode, uid, gid }: Replaced): Promise<void> {
  const own = await file.stat()
  if (own.uid !== uid || own.gid !== gid) {
    // Only root gives files away; a group that one is in can be kept by anyone.
    await file.chown(uid, gid).catch(() => file.chown(own.uid, gid).catch(() => undefined))
  }
  await file.chmod(mode)
}

/**
 * What file systems and Windows answer that cannot do this for a directory: there the rename alone must do.
 */
const CANNOT_SYNC = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EACCES', 'EISDIR', 'EBADF']

/** Makes the entry of a file in its folder durable. */
async function syncFolder(target: string): Promise<void> {
  try {
    const folder = await open(dirname(target), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (error) {
    if (!CANNOT_SYNC.includes(errorCode(error))) throw error
  }
}
