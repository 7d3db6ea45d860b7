/**
 * Names of the entries that writing a file makes beside it, so that one is known by its name and nothing else
 * is taken for it.
 */
import { createHash, randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'

/** Names of 255 bytes are usual at most; what is added to a stem takes less than the other half. */
const STEM_BYTES = 100
const CUT_CHARACTERS = 24

/**
 * The target's own name where that is short, so that people know what lies there; else its beginning and a
 * digest.
 */
function stemOf(target: string): string {
  const name = basename(target)
  if (Buffer.byteLength(name) <= STEM_BYTES) return name
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return `${name.slice(0, CUT_CHARACTERS).toWellFormed()}~${digest}`
}

function escaped(stem: string): string {
  return stem.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/**
 * A new name in the target's folder, so that the rename stays within one file system. Its token is 128 random
 * bits.
 */
export function temporaryPath(target: string): string {
  return join(dirname(target), `.${stemOf(target)}.${randomBytes(16).toString('hex')}.tmp`)
}

/** Temporary files of the target. */
export function leftoverPattern(target: string): RegExp {
  return new RegExp(`^\\.${escaped(stemOf(target))}\\.[0-9a-f]{32}\\.tmp$`)
}

/** A new name without folder. @param owner `boot-namespace-pid-start-kind`, as `claimPattern` finds them */
export function claimName(target: string, owner: string): string {
  return `.${stemOf(target)}.${owner}-${randomBytes(8).toString('hex')}.lock`
}

export function claimPattern(target: string): RegExp {
  const owner = '(?<boot>[0-9a-f]{8})-(?<namespace>\\d+)-(?<pid>\\d+)-(?<start>\\d+)-(?<kind>run|once)'
  return new RegExp(`^\\.${escaped(stemOf(target))}\\.${owner}-[0-9a-f]{16}\\.lock$`)
}
