import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { planTwin } from '../../scripts/plan-twin.ts'

const test = suite("the host's twin of the plan")

const root = fileURLToPath(new URL('../..', import.meta.url))

async function twinFile(): Promise<string> {
  return readFile(join(root, 'src/engines/wasm/plan.ts'), 'utf8')
}

/** The twin of the sources in which `from` is `to`, in one of the files. */
async function twinWith(file: string, from: string, to: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'plan-'))
  try {
    await cp(join(root, 'assembly/plan'), join(folder, 'plan'), { recursive: true })
    const path = join(folder, 'plan', file)
    const source = await readFile(path, 'utf8')
    assert.ok(source.includes(from), `${file} has no longer ${from}`)
    await writeFile(path, source.replace(from, to))
    return await planTwin(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function problemOf(file: string, from: string, to: string): Promise<string> {
  return twinWith(file, from, to).then(
    () => 'none',
    (error: Error) => error.message,
  )
}

test('is what the build makes of assembly/plan today', async () => {
  assert.is(await twinFile(), await planTwin(join(root, 'assembly')))
})

test('changes with the order of fields, with a type, a code, a size and a control word', async () => {
  const twin = await twinFile()
  for (const [file, from, to] of [
    ['structures.ts', '  weightM: u32\n  weightV: u32\n', '  weightV: u32\n  weightM: u32\n'],
    ['structures.ts', '  weightDecay: f32\n', '  weightDecay: i32\n'],
    ['codes.ts', 'ACTIVATION_RELU: i32 = 1', 'ACTIVATION_RELU: i32 = 2'],
    ['sizes.ts', 'BLOCK_ROWS: i32 = 5 * PANEL', 'BLOCK_ROWS: i32 = 4 * PANEL'],
    ['control.ts', 'CONTROL_STOP: usize = 7 * LINE', 'CONTROL_STOP: usize = 11 * LINE'],
  ]) {
    assert.is.not(await twinWith(file, from, to), twin, `${file}: ${to}`)
  }
})

test('is refused for a source that it cannot read', async () => {
  for (const [file, from, to, problem] of [
    ['structures.ts', '  weightDecay: f32\n', '  weightDecay: f64\n', /Job\.weightDecay is of type f64/],
    ['structures.ts', '  weightDecay: f32\n', '  weightDecay!: f32\n', /neither a field nor a comment/],
    ['sizes.ts', 'PAIR: i32 = 2', 'PAIR: i32 = TWO', /PAIR: TWO is not known before it/],
    ['sizes.ts', 'PAIR: i32 = 2', 'PAIR: i32 = two()', /cannot read two\(\)/],
    ['sizes.ts', 'PAIR: i32 = 2', 'PAIR: i32 = 3', /PANEL_PAIRS: 13\.3.* is no whole number/],
    ['sizes.ts', 'PAIR: i32 = 2', 'PAIR = 2', /a constant is not NAME: type = expression on one line/],
  ] as const) {
    assert.match(await problemOf(file, from, to), problem)
  }
})

test.run()
