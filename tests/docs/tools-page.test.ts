/** The numbers of docs/tools.md are what its commands print. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runScript } from '../support/command.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'hourglass-docs-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

const page = readFileSync(join(ROOT, 'docs/tools.md'), 'utf8')
const [, section] = page.split('## `score`')

/** Another processor may round otherwise. */
const NEAR = 0.02

/** A command of the page as it stands there, in a folder of its own. */
async function printed(command: string): Promise<string> {
  const [script, , ...args] = command
    .replace('npm run ', '')
    .replace('examples/', `${join(ROOT, 'examples')}/`)
    .split(' ')
  const { code, stdout, stderr } = await runScript(script, args, directory)
  assert.is(code, 0, stderr)
  return stdout
}

const numbersIn = (text: string) => Array.from(text.matchAll(/\d+(\.\d+)?/g), ([number]) => Number(number))

function near(found: readonly number[], wanted: readonly number[]): void {
  assert.is(found.length, wanted.length)
  const far = wanted.filter((number, i) => Math.abs(number - found[i]) > NEAR)
  assert.equal(far, [], `found ${found}`)
}

test('score prints the table of the page', async () => {
  const [commands, table] = Array.from(section.matchAll(/```\n([\s\S]*?)\n```/g), ([, block]) => block)
  let output = ''
  for (const command of commands.split('\n')) output = await printed(command)
  const lines = output.split('\n')
  for (const line of table.split('\n')) {
    const start = line.slice(0, line.search(/ {2}/))
    const found = lines.find((candidate) => candidate.startsWith(start))
    assert.ok(found, start)
    near(numbersIn(found), numbersIn(line))
  }
})

test('denoise finds what the page says of a model that was trained without noise', async () => {
  const output = await printed(
    'npm run denoise -- -l model.pth --data examples/machines.csv --out rows.csv --add-noise 0.3',
  )
  const [, before, after] = /noisy ([\d.]+), denoised ([\d.]+)/.exec(output) ?? []
  const said = /\(([\d.]+) before and ([\d.]+) after/.exec(page.replaceAll(/\s+/g, ' ')) ?? []
  near([Number(before), Number(after)], said.slice(1).map(Number))
})

test.run()
