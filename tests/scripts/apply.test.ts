/** `npm run apply` as a process: files, JSON, and what it refuses. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeModel } from '../../src/formats/model-file.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { smallDigits } from '../experiments/small-digits.ts'
import { runScript, startCommand, WITHOUT_CANVAS } from '../support/command.ts'
import { skipTest } from '../support/skip.ts'
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

test('numbers of labels that fit the data, said in a line; a place that is none, in one line', async () => {
  const quick = ['--seeds', '1', '--steps', '1', '--json']
  const { code, stdout, stderr } = await runScript('apply', ['pretrain', ...flags, ...quick], directory)
  assert.is(code, 0, stderr)
  assert.is(stderr, 'labels: 100, 160, for there are 160 training images\n')
  const cells: { labels: number }[] = JSON.parse(stdout).cells
  assert.equal([...new Set(cells.map(({ labels }) => labels))], [100, 160])
  for (const place of ['file', 'file/below']) {
    writeFileSync(join(directory, 'file'), '')
    const refused = await runScript('apply', ['pretrain', ...flags, '--out', place], directory)
    assert.match(refused.stderr, /^error: file.*: cannot be made a directory: .*\n$/)
    assert.is(refused.stderr.trim().split('\n').length, 1, refused.stderr)
    assert.is(refused.code, 1)
  }
})

test('without the package canvas: a line at the start, and the numbers', async () => {
  const quick = ['--labels', '20', '--seeds', '1', '--steps', '1', '--out', 'plain']
  const { code, stdout, stderr } = await runScript(
    'apply',
    ['pretrain', ...flags, ...quick],
    directory,
    WITHOUT_CANVAS,
  )
  assert.is(code, 0, stderr)
  assert.match(stderr, /^no figures are drawn: figures need the npm package "canvas".*\n$/)
  assert.match(stdout, /^plain: pretrain\.md, pretrain\.json$/m)
})

test('weights that are not finite are refused by name', async () => {
  const network = hourglass({ input: 144, hidden: 10, bottleneck: 3 })
  const broken = join(directory, 'broken.safetensors')
  const parameters = initialParameters(network, 1).fill(Number.NaN, 1440, 1442)
  writeFileSync(broken, writeModel({ network, parameters }, broken))
  const { code, stderr } = await runScript('apply', ['latent', ...flags, '-l', broken], directory)
  assert.match(stderr, /^error: .*broken\.safetensors: expected finite weights, found NaN in fc1\.bias\n$/)
  assert.is(code, 1)
})

if (process.platform === 'win32') skipTest(test, 'Ctrl-C', 'Windows has no signals to send')
else {
  test('Ctrl-C is heard in the middle of long work outside the engine', async () => {
    const args = ['generate', ...flags, '--samples', '100000000', '--steps', '1', '--out', 'endless']
    const running = startCommand('apply', args, directory)
    // Its outputs are held from the moment that it listens.
    for (let waited = 0; !existsSync(join(directory, 'endless')) && waited < 60_000; waited += 50)
      await setTimeout(50)
    await setTimeout(500)
    running.child.kill('SIGINT')
    const { code, stderr, stdout } = await running.outcome
    assert.is(code, 130, stderr)
    assert.is(stdout, '')
    assert.equal(readdirSync(join(directory, 'endless')), [])
  })
}

for (const [what, args, message] of [
  ['no name', flags, /expected NAME \(latent, anomaly.*found nothing/],
  ['an unknown name', ['latent-map', ...flags], /NAME: expected one of latent, .*found latent-map/],
  ['no model', ['latent', '--data', data], /--load: expected/],
  ["another application's flag", ['latent', ...flags, '--sigma', '0.2'], /--sigma: not a flag of latent/],
  ["another application's switch", ['latent', ...flags, '--no-clip'], /--clip: not a flag of latent/],
  [
    'more Gaussians than images',
    ['generate', ...flags, '--components', '161'],
    /components:.*160.*found 161/,
  ],
  [
    'training of a model that is given',
    ['denoise', ...flags, '--denoising-model', model, '--training-noise', '0.7'],
    /--training-noise: expected none beside --denoising-model/,
  ],
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
