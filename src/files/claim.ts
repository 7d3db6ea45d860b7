/**
 * Who writes a file: one process at a time, and none that is dead. Node only.
 *
 * A claim is an entry in the target's folder, `.NAME.….lock`, with a random token in its name. Whoever wants
 * to write makes his own, then looks at the others': two that come at once see each other, so at most one
 * stays. What counts is whether the owner of a claim lives. Its process id cannot tell, for in containers
 * every run may have the same one. So the entry is a Unix socket that its owner listens on: the kernel, which
 * all containers of a machine share, refuses connections to it from the moment the process is gone, however
 * it ended. Where a folder takes no sockets the entry is an empty file, and the process id counts within one
 * namespace. Between machines, and between namespaces without sockets, a claim counts for as long as it is
 * renewed.
 *
 * Whoever holds a target alone may remove all temporary files of it: theirs are the dead.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync, unlinkSync } from 'node:fs'
import { chmod, type FileHandle, lstat, open, readdir, readFile, unlink } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { errorCode } from './reason.ts'
import { claimName, claimPattern, leftoverPattern } from './temporary.ts'

export interface Claim {
  /** Lets others write. Idempotent. */
  release(): Promise<void>
}

/** For a whole run, or to write the file once. */
export type ClaimKind = 'run' | 'once'

/** A claim of another process that lives, or may. */
export interface Rival {
  readonly kind: ClaimKind
  readonly pid: number
  /** Its process id means nothing here: it runs in another container or on another machine. */
  readonly isElsewhere: boolean
}

/** What tells processes apart, as far as this one knows of itself. */
interface Identity {
  /** Of the running kernel: eight hexadecimal digits. */
  readonly boot: string
  /** Of the namespace in which the process id counts; 0 where there are none. */
  readonly namespace: string
  readonly pid: string
  /**
   * When the process started, in clock ticks since boot: a process id is used again. 0 where it is not known.
   */
  readonly start: string
}

/** What the name of a claim says. */
interface Owner extends Identity {
  readonly kind: ClaimKind
}

/**
 * Claims of other machines count for so long after their last renewal: some are missed when a process works
 * hard.
 */
const LIFETIME_MS = 60_000
const RENEWAL_MS = 5_000
/** Other users' runs may ask too. */
const ENTRY_MODE = 0o666

function tryText(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and parentheses (proc(5)). */
function startOf(stat: string): string {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0'
}

let known: Identity | undefined

function ownIdentity(): Identity {
  const boot = tryText(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')) ?? hostname()
  const stat = tryText(() => readFileSync('/proc/self/stat', 'utf8'))
  known ??= {
    boot: createHash('sha256').update(boot).digest('hex').slice(0, 8),
    namespace: /\d+/.exec(tryText(() => readlinkSync('/proc/self/ns/pid')) ?? '')?.[0] ?? '0',
    pid: String(process.pid),
    start: stat === undefined ? '0' : startOf(stat),
  }
  return known
}

/**
 * Room for a path in the address of a Unix socket, the closing zero included: 104 on macOS and the BSDs, 108
 * on Linux.
 */
const SOCKET_PATH_BYTES = 104
/** The longest name that an entry gets, and the separator before it. */
const ENTRY_BYTES = 220

/** A folder, and the way to its entries that a socket's address has room for. */
class Folder {
  readonly path: string
  /** Linux: an open directory, through which entries have short names. */
  readonly #handle: FileHandle | undefined

  private constructor(path: string, handle: FileHandle | undefined) {
    this.path = path
    this.#handle = handle
  }

  static async open(path: string): Promise<Folder> {
    const isLong = Buffer.byteLength(path) + ENTRY_BYTES > SOCKET_PATH_BYTES
    return new Folder(path, isLong && process.platform === 'linux' ? await open(path, 'r') : undefined)
  }

  entry(name: string): string {
    return join(this.path, name)
  }

  socket(name: string): string {
    return this.#handle ? `/proc/self/fd/${this.#handle.fd}/${name}` : this.entry(name)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.unref()
    server.once('error', reject)
    // Another user's run must be able to ask whether this one lives.
    server.listen({ path, readableAll: true, writableAll: true }, () => {
      server.off('error', reject)
      // A connection that cannot be accepted, for want of descriptors, has had its answer.
      server.on('error', () => undefined)
      resolve(server)
    })
  })
}

/** Whether the socket's owner lives. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => {
      const code = errorCode(error)
      // Refused: nobody listens. Gone: released meanwhile. Else, as when too many ask a stopped process at
      // once, it may live.
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT')
    })
  })
}

/** Whether the process of that id and start runs in this namespace. */
async function isRunning(pid: string, start: string): Promise<boolean> {
  try {
    if (process.platform === 'linux') return startOf(await readFile(`/proc/${pid}/stat`, 'utf8')) === start
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/**
 * Entries of this process, to renew all by one timer, and to remove where it ends without waiting for
 * anything.
 */
const held = new Set<string>()
let renewal: NodeJS.Timeout | undefined

function removeHeld(): void {
  for (const path of held) tryText(() => String(unlinkSync(path)))
}

function hold(path: string): void {
  held.add(path)
  if (held.size > 1) return
  process.on('exit', removeHeld)
  // A change of mode is dated by the file system's own clock, so that machines need not agree on the time.
  renewal = setInterval(() => {
    for (const path of held) chmod(path, ENTRY_MODE).catch(() => undefined)
  }, RENEWAL_MS)
  renewal.unref()
}

function letGo(path: string): void {
  held.delete(path)
  if (held.size > 0) return
  process.off('exit', removeHeld)
  clearInterval(renewal)
}

/**
 * Makes an own entry: a socket where the folder takes one, else an empty file. Throws the file system's
 * error.
 */
async function enter(folder: Folder, name: string): Promise<Server | undefined> {
  try {
    return await listen(folder.socket(name))
  } catch {
    // If the folder itself is at fault, a file fails there too, and says it better.
    await (await open(folder.entry(name), 'wx', ENTRY_MODE)).close()
    return undefined
  }
}

/** @param now the file system's time, in milliseconds */
async function isAlive(folder: Folder, name: string, owner: Identity, now: number): Promise<boolean> {
  const self = ownIdentity()
  const entry = await lstat(folder.entry(name)).catch(() => undefined)
  if (entry === undefined) return false
  const isFresh = now - entry.ctimeMs < LIFETIME_MS
  if (owner.boot !== self.boot) return isFresh
  if (entry.isSocket()) return isListening(folder.socket(name))
  if (owner.namespace !== self.namespace) return isFresh
  return (await isRunning(owner.pid, owner.start)) && (owner.start !== '0' || isFresh)
}

/** A claim whose entry is there for others to see. */
class OwnClaim implements Claim {
  readonly folder: Folder
  readonly name: string
  readonly #server: Server | undefined
  #isReleased = false

  private constructor(folder: Folder, name: string, server: Server | undefined) {
    this.folder = folder
    this.name = name
    this.#server = server
    hold(folder.entry(name))
  }

  static async enter(target: string, kind: ClaimKind): Promise<OwnClaim> {
    const folder = await Folder.open(dirname(target))
    try {
      const { boot, namespace, pid, start } = ownIdentity()
      const name = claimName(target, `${boot}-${namespace}-${pid}-${start}-${kind}`)
      return new OwnClaim(folder, name, await enter(folder, name))
    } catch (error) {
      await folder.close()
      throw error
    }
  }

  async release(): Promise<void> {
    if (this.#isReleased) return
    this.#isReleased = true
    const path = this.folder.entry(this.name)
    letGo(path)
    // Closing takes the entry away by its socket's address, which must still lead there.
    if (this.#server) await new Promise((resolve) => this.#server?.close(resolve))
    await unlink(path).catch(() => undefined)
    await this.folder.close()
  }
}

/**
 * Claims the target, an absolute path without links, for this process, unless another one has it; and removes
 * what dead processes left of it. Throws the file system's error where the folder takes no files.
 */
export async function claimTarget(target: string, kind: ClaimKind): Promise<Claim | Rival> {
  const claim = await OwnClaim.enter(target, kind)
  try {
    const rival = await lookAround(claim, target)
    if (rival === undefined) return claim
    await claim.release()
    return rival === 'lost' ? claimTarget(target, kind) : rival
  } catch (error) {
    await claim.release()
    throw error
  }
}

/** `lost`: before the claim's socket first listened, another process took it for dead. */
async function lookAround({ folder, name }: OwnClaim, target: string): Promise<Rival | 'lost' | undefined> {
  const names = await readdir(folder.path)
  if (!names.includes(name)) return 'lost'
  const now = (await lstat(folder.entry(name))).ctimeMs
  const { boot, namespace } = ownIdentity()
  const pattern = claimPattern(target)
  const remove = (entry: string) => unlink(folder.entry(entry)).catch(() => undefined)
  for (const other of names) {
    const owner = other === name ? undefined : (pattern.exec(other)?.groups as Owner | undefined)
    if (owner === undefined) continue
    if (await isAlive(folder, other, owner, now)) {
      const isElsewhere = owner.boot !== boot || owner.namespace !== namespace
      return { kind: owner.kind, pid: Number(owner.pid), isElsewhere }
    }
    await remove(other)
  }
  const leftover = leftoverPattern(target)
  for (const other of names) if (leftover.test(other)) await remove(other)
  return undefined
}
