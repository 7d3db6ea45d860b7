/** `npm run apply` as a process: files, JSON, and what it refuses. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeModel } from '../../src/formats/model-file.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { smallDigits } from '../experiments/small-digits.ts'
import { runScript } from '../support/command.ts'
import { writeDataset } from '../support/small-data.ts'

const directory = mkdtempSync(join(tmpdir(), 'hourglass-apply-'))
const data = writeDataset(join(directory, 'bars'), smallDigits())

function storeModel(name: string, input: number): string {
  const network = hourglass({ input, hidden: 10, bottleneck: 3, latentActivation: 'identity' })
  const file = join(directory, name)
  writeFileSync(file, writeModel({ network, parameters: initialParameters(network, 1) }, file))
  return file
}
const model = storeModel('model.safetensors', 144)
const flags = ['-l', model, '--data', data, '--device', 'reference', '--out', 'out']

test.after(() => {
  rmSync(directory, { recursive: true, force: true })
})

test('an application writes its table, JSON and figures, and prints the same JSON', async () => {
  const small = ['--labels', '20,160', '--seeds', '2', '--steps', '20', '--json']
  const { code, stdout, stderr } = await runScript('apply', ['pretrain', ...flags, ...small], directory)
  assert.is(code, 0, stderr)
  const printed = JSON.parse(stdout)
  assert.equal(printed, JSON.parse(readFileSync(join(directory, 'out', 'pretrain.json'), 'utf8')))
  assert.is(printed.application, 'pretrain')
  assert.is(printed.cells.length, 6)
  assert.match(readFileSync(join(directory, 'out', 'pretrain.md'), 'utf8'), /^\| labels \|.*\n\|-+:\|/)
  assert.ok(existsSync(join(directory, 'out', 'pretrain.png')))
})

for (const [what, args, message] of [
  ['no name', flags, /expected NAME \(latent, anomaly.*found nothing/],
  ['an unknown name', ['latent-map', ...flags], /NAME: expected one of latent, .*found latent-map/],
  ['no model', ['latent', '--data', data], /--load: expected/],
  ["another application's flag", ['latent', ...flags, '--sigma', '0.2'], /--sigma: not a flag of latent/],
  ["another application's switch", ['latent', ...flags, '--no-clip'], /--clip: not a flag of latent/],
  ['more labels than images', ['pretrain', ...flags, '--labels', '161'], /labels:.*160, found 161/],
] as const) {
  test(`${what} is refused in one line`, async () => {
    const { code, stderr } = await runScript('apply', args, directory)
    assert.is(code, 2, stderr)
    assert.match(stderr, message)
    assert.is(stderr.trim().split('\n').length, 1, stderr)
  })
}

test('a model of other images is refused by name', async () => {
  const other = storeModel('other.safetensors', 100)
  const { code, stderr } = await runScript('apply', ['latent', ...flags, '-l', other], directory)
  assert.is(code, 1, stderr)
  assert.match(stderr, /other\.safetensors: expected a network of 144 inputs.*found 100/)
})

test.run()
