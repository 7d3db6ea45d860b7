/** Names of flags: which a parser knows, how they are spelt, and which was meant. */
import type { Argv } from 'yargs'

/** What yargs knows of its options: public in it, but absent from its types. */
interface ParserOptions {
  readonly key: Readonly<Record<string, unknown>>
  readonly boolean: readonly string[]
}

export function parserOptions(parser: Argv): ParserOptions {
  return (parser as Argv & { getOptions(): ParserOptions }).getOptions()
}

/** All names of more than a letter. */
export function knownFlags(parser: Argv): string[] {
  return Object.keys(parserOptions(parser).key).filter((name) => name.length > 1)
}

/** `noise_std` and `noise-std` are one flag. */
export function kebabCase(flag: string): string {
  return flag.replaceAll('_', '-')
}

/** The flag that was likely meant; undefined where none is near. */
export function nearestFlag(unknown: string, flags: readonly string[]): string | undefined {
  const distances = flags.map((flag) => ({ flag, distance: editDistance(unknown, flag) }))
  const nearest = distances.sort((a, b) => a.distance - b.distance)[0]
  const isNear = nearest !== undefined && nearest.distance <= Math.max(1, Math.floor(unknown.length / 3))
  return isNear ? nearest.flag : undefined
}

/** Levenshtein distance: insertions, deletions and replacements that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(previous[j] + 1, current[j - 1] + 1, replaced))
    }
    previous = current
  }
  return previous[b.length]
}
