/** Imports within src/ run one way: from a floor of docs/design.md down, and never in a circle. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const SOURCE = resolve(import.meta.dirname, '../src')

/** What lies at the top of src/, from the ground up. Those on one floor do not know of each other. */
const FLOORS = [
  ['nearest.ts', 'quote.ts'],
  ['errors.ts'],
  ['files', 'model', 'node-version.ts', 'reader-budget.ts'],
  ['figures', 'formats', 'random'],
  ['data', 'engines'],
  ['training'],
  ['run'],
  ['experiments'],
  ['cluster', 'tools'],
  ['api'],
  ['library.ts', 'tables.ts'],
  ['browser.ts', 'index.ts'],
  ['web'],
] as const

/** Floor of each, from 0. */
const HEIGHTS = new Map<string, number>(FLOORS.flatMap((names, floor) => names.map((name) => [name, floor])))

/** Types too; not what a comment or a text within code says. */
const IMPORTS = /^(?:import|export|\} from)\b[^'\n]*'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm

/** Files of src/, by their paths below it, and what each imports of the others. */
function importsOfFiles(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const name of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue
    const folder = dirname(join(SOURCE, name))
    const text = readFileSync(join(SOURCE, name), 'utf8')
    const paths = Array.from(text.matchAll(IMPORTS), ([, fixed, loaded]) => resolve(folder, fixed ?? loaded))
    found.set(slashed(name), [...new Set(paths.map((path) => slashed(relative(SOURCE, path))))])
  }
  return found
}

const slashed = (path: string) => path.split(sep).join('/')
const roomOf = (file: string) => file.split('/', 1)[0]
const files = importsOfFiles()

test('every import leads to a lower floor, or stays in its folder', () => {
  const rooms = new Set(Array.from(files.keys(), roomOf))
  assert.equal(
    [...rooms].sort(),
    [...HEIGHTS.keys()].sort(),
    'folders of src/ that have no floor, or are gone',
  )
  const wrong: string[] = []
  let count = 0
  for (const [file, imported] of files) {
    const from = roomOf(file)
    for (const other of imported) {
      const to = roomOf(other)
      count++
      if (from !== to && !((HEIGHTS.get(to) ?? Infinity) < (HEIGHTS.get(from) ?? -1)))
        wrong.push(`${file} → ${other}`)
    }
  }
  assert.ok(count > 1000, `only ${count} imports found`)
  assert.equal(wrong, [])
})

test('no file imports itself through others', () => {
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (file: string, path: readonly string[]) => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const other of files.get(file) ?? []) walk(other, [...path, file])
    done.add(file)
  }
  for (const file of files.keys()) walk(file, [])
  assert.equal(circles, [])
})

test.run()
