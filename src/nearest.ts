/** What somebody may have meant by a name that is not there. */

/** The name nearest to one that was typed; undefined where none is near. */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const distances = names.map((name) => ({ name, distance: editDistance(typed, name) }))
  const nearest = distances.sort((a, b) => a.distance - b.distance)[0]
  const isNear = nearest !== undefined && nearest.distance <= Math.max(1, Math.floor(typed.length / 3))
  return isNear ? nearest.name : undefined
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
