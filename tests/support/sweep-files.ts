/**
 * What a sweep left in its folder, without what a clock or the machine decides: for comparing, byte for byte.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'

/** Records as lines of JSON without `seconds` and `host`, in the order in which they came. */
export function recordsOf(folder: string): string[] {
  return readFileSync(join(folder, 'runs.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { seconds: _, host: __, ...rest } = JSON.parse(line)
      return JSON.stringify(rest)
    })
}

/** The CSV without its column of seconds. */
function csvOf(folder: string): string {
  const rows = readFileSync(join(folder, 'sweep.csv'), 'utf8')
    .split('\n')
    // Lists within a cell are quoted.
    .map((line) => line.match(/(?<=^|,)("[^"]*"|[^,]*)/g) ?? [''])
  const seconds = rows[0].indexOf('seconds')
  return rows.map((cells) => cells.filter((_, i) => i !== seconds).join(',')).join('\n')
}

/** The table without its last column, which is that of seconds. */
export function tableOf(folder: string): string {
  return readFileSync(join(folder, 'sweep.md'), 'utf8').replaceAll(/\|[^|\n]*\|\n/g, '|\n')
}

/** Asserts that two sweeps have found the same, each trial once, and have drawn the same. */
export function assertSameSweep(folder: string, expected: string): void {
  const [found, wanted] = [recordsOf(folder).sort(), recordsOf(expected).sort()]
  assert.is(found.length, wanted.length)
  // They are long: the first that differs is enough to see.
  found.forEach((line, i) => {
    assert.ok(line === wanted[i], `${line.slice(0, 800)}\nin place of\n${wanted[i].slice(0, 800)}`)
  })
  assert.is(csvOf(folder), csvOf(expected))
  assert.is(tableOf(folder), tableOf(expected))
  const figures = readdirSync(expected).filter((name) => name.endsWith('.png'))
  assert.ok(figures.length >= 3)
  for (const name of figures) {
    assert.ok(readFileSync(join(folder, name)).equals(readFileSync(join(expected, name))), name)
  }
}
