/** `npm run evaluate` on weights that PyTorch trained. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { limitImages } from '../../src/data/dataset.ts'
import { loadDataset } from '../../src/data/node-files.ts'
import { createEngine, type Device } from '../../src/engines/create.ts'
import type { Evaluation } from '../../src/experiments/evaluation.ts'
import { readModel, writeModel } from '../../src/formats/model-file.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { stateOf } from '../../src/model/state.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { decodePng } from '../figures/pixels.ts'
import { runScript, WITHOUT_CANVAS } from '../support/command.ts'
import { smallImages, writeDataset } from '../support/small-data.ts'

const MODEL = fileURLToPath(new URL('../fixtures/interop/MLP.8.pth', import.meta.url))
/** What PyTorch 2.13 computed with these weights. */
const PYTORCH = JSON.parse(
  readFileSync(new URL('../fixtures/interop/MLP.8.json', import.meta.url), 'utf8'),
) as { test_mse: number; latent_first4_test: number[][]; recon_test0_row14: number[] }

interface EvaluationJson extends Evaluation {
  model: { file: string; bottleneck: number; parameters: number }
  files: { clean: string; denoise: string; interpolation: string }
}

const mnist = await loadDataset()
const pixels = mnist.test.width * mnist.test.height
const directory = mkdtempSync(join(tmpdir(), 'hourglass-evaluate-'))
/** The first 40 images of either split: the reference engine takes a minute for all. */
const smallData = writeDataset(join(directory, 'mnist-40'), {
  name: 'forty digits',
  train: limitImages(mnist.train, 40),
  test: limitImages(mnist.test, 40),
})
const small = ['--device', 'reference', '--data', smallData, '--interp_idx2', '17']

function run(...args: string[]) {
  return runScript('evaluate', ['-l', MODEL, ...args], directory)
}

async function runJson(...args: string[]): Promise<EvaluationJson> {
  const { code, stdout, stderr } = await run('--json', ...args)
  assert.is(code, 0, stderr)
  return JSON.parse(stdout)
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: expected ${expected}, found ${actual}`)
}

const devices: Device[] = ['reference', 'cpu']

for (const device of devices) {
  test(`${device}: codes are PyTorch's to 1e-4, a reconstructed row to 1e-6`, async () => {
    const { network, parameters } = readModel(new Uint8Array(readFileSync(MODEL)), MODEL)
    const engine = await createEngine(network, { device })
    try {
      await engine.writeState(stateOf(parameters))
      const codes = await engine.encode(mnist.test.rows.subarray(0, 4 * pixels))
      PYTORCH.latent_first4_test.flat().forEach((expected, i) => {
        near(codes[i], expected, 1e-4, `code ${i}`)
      })
      const output = await engine.forward(mnist.test.rows.subarray(0, pixels))
      PYTORCH.recon_test0_row14.forEach((expected, column) => {
        near(output[14 * mnist.test.width + column], expected, 1e-6, `row 14, column ${column}`)
      })
    } finally {
      await engine.dispose()
    }
  })
}

/** The whole split: for engines that take seconds for it. */
for (const device of devices.filter((device) => device !== 'reference')) {
  test(`${device}: the whole test split has PyTorch's MSE to 1e-6; noise costs and gains what it did there`, async () => {
    const result = await runJson('--device', device)
    near(result.reconstruction.mse, PYTORCH.test_mse, 1e-6, 'test MSE')
    assert.is(result.count, 10_000)
    assert.equal(result.deadLatentUnits, [])
    assert.equal([result.noiseStd, result.perLabel.length], [0.2, 10])
    // Four digits of the same experiment in PyTorch, with other random numbers: 7.84 million of them.
    near(result.unclipped.noisy.mse, 0.04, 1e-4, 'noisy, not clipped')
    near(result.unclipped.denoised.mse, 0.0198, 1e-4, 'denoised, not clipped')
    near(result.clipped.noisy.mse, 0.0212, 1e-4, 'noisy, clipped')
    near(result.clipped.denoised.mse, 0.0275, 1e-4, 'denoised, clipped')
    assert.ok(result.unclipped.gain >= 2.7)
  })
}

test('one run: table, JSON and figures agree with the images and with one another', async () => {
  const { code, stdout, stderr } = await run(...small, '--out', 'text')
  assert.is(code, 0, stderr)
  const json = await runJson(...small, '--out', 'json')

  assert.equal([json.count, json.model.bottleneck, json.model.parameters], [40, 8, 622_504])
  const labels = [...limitImages(mnist.test, 40).labels]
  for (const { label, count } of json.perLabel) {
    assert.is(count, labels.filter((other) => other === label).length, `images of label ${label}`)
  }
  for (const { mse, psnr, ssim } of [json.reconstruction, json.clipped.noisy, json.unclipped.denoised]) {
    assert.match(stdout, `${mse.toFixed(6)}    ${psnr.toFixed(2)}   ${Number(ssim).toFixed(4)}`)
  }
  assert.match(stdout, 'active latent units: 8 of 8')

  assert.equal(json.files, {
    clean: join('json', 'recon.clean.png'),
    denoise: join('json', 'recon.denoise.png'),
    interpolation: join('json', 'interp.png'),
  })
  for (const file of Object.values(json.files)) {
    const png = readFileSync(join(directory, file))
    assert.equal(readFileSync(join(directory, file.replace('json', 'text'))), png, `${file} twice`)
    const { width, height } = await decodePng(png)
    assert.ok(width >= 1050 && height > 250, `${file} is ${width} × ${height}`)
  }
})

test('snake and kebab case are one flag, and each flag has its effect', async () => {
  const plain = await runJson(...small, '--out', 'plain')
  const snake = await runJson(...small, '--out', 'snake', '--noise_std', '0.1', '--clean_idx', '3')
  const kebab = await runJson(...small, '--out', 'kebab', '--noise-std=0.1', '--clean-idx=3')
  const picture = ({ files }: EvaluationJson, name: keyof EvaluationJson['files']) =>
    readFileSync(join(directory, files[name]))
  assert.equal({ ...snake, files: undefined }, { ...kebab, files: undefined })
  assert.equal(picture(snake, 'clean'), picture(kebab, 'clean'))
  assert.not.equal(picture(snake, 'clean'), picture(plain, 'clean'))
  near(snake.unclipped.noisy.mse, plain.unclipped.noisy.mse / 4, 1e-6, 'half of σ is a quarter of the MSE')

  const other = await runJson(
    ...small,
    ...['--out', 'other', '--no-clip', '--seed', '9', '--steps', '2', '--set', 'train', '-z', '8'],
  )
  assert.not.equal(other.clipped.noisy.mse, plain.clipped.noisy.mse)
  assert.not.equal(other.reconstruction.mse, plain.reconstruction.mse)
  assert.not.equal(picture(other, 'interpolation'), picture(plain, 'interpolation'))
  const clipped = await runJson(...small, '--out', 'clipped')
  const unclipped = await runJson(...small, '--out', 'unclipped', '--no-clip')
  assert.equal(clipped.clipped, unclipped.clipped)
  assert.not.equal(picture(clipped, 'denoise'), picture(unclipped, 'denoise'))
})

/** Flags: a set of small images, a model of them, and a place for the figures. */
function smallImageFlags(width: number, height: number, count = 12) {
  const name = `${width}x${height}-${count}`
  const data = writeDataset(join(directory, name), smallImages(width, height, count))
  const network = hourglass({ input: width * height, hidden: 4, bottleneck: 2 })
  const model = join(directory, `${name}.safetensors`)
  writeFileSync(model, writeModel({ network, parameters: initialParameters(network, 1) }, model))
  return ['-l', model, '--data', data, '--device', 'reference', '--out', `figures-${name}`]
}

test('a set smaller than the usual indices: others, said in a line', async () => {
  for (const [count, chosen] of [
    [40, '12 to image 39'],
    [12, '0 to image 11'],
    [1, '0 to image 0'],
  ] as const) {
    const args = smallImageFlags(12, 11, count)
    const { code, stderr, stdout } = await runScript('evaluate', args, directory)
    assert.is(code, 0, stderr)
    assert.is(stderr, `interpolation: from image ${chosen}, as the test set has ${count}\n`)
    assert.match(stdout, /^Figures: .*interp\.png$/m)
  }
})

test('images smaller than the window of SSIM: a dash and why in text, null in JSON', async () => {
  const args = [...smallImageFlags(8, 8), '--interp_idx1', '0', '--interp_idx2', '1']
  const { code, stdout, stderr } = await runScript('evaluate', args, directory)
  assert.is(code, 0, stderr)
  assert.match(stdout, /^reconstruction +0\.\d{6} +\d+\.\d\d +–$/m)
  assert.match(stdout, /^SSIM –: the images are smaller than its window of 11 × 11 pixels$/m)
  assert.not.match(stdout, 'NaN')
  const json = JSON.parse((await runScript('evaluate', [...args, '--json'], directory)).stdout)
  assert.is(json.reconstruction.ssim, null)
})

test('equal images have a PSNR of 100 dB, in text and in JSON', async () => {
  const args = [...smallImageFlags(12, 11), '--interp_idx1', '0', '--interp_idx2', '1', '--noise_std', '0']
  const { stdout } = await runScript('evaluate', args, directory)
  assert.match(stdout, /^noisy +0\.000000 +100\.00 +1\.0000 +0\.000000 +100\.00 +1\.0000$/m)
  assert.match(stdout, /^PSNR 100: of equal images/m)
  const json = JSON.parse((await runScript('evaluate', [...args, '--json'], directory)).stdout)
  assert.is(json.clipped.noisy.psnr, 100)
  assert.ok(json.clipped.gain < 0 && Number.isFinite(json.clipped.gain))
})

test('a model of NaN: a warning, dashes and why, null in JSON, and no unit that is active', async () => {
  const network = hourglass({ input: 132, hidden: 4, bottleneck: 2 })
  const broken = join(directory, 'broken.safetensors')
  const parameters = initialParameters(network, 1).fill(Number.NaN)
  writeFileSync(broken, writeModel({ network, parameters }, broken))
  const indices = ['--interp_idx1', '0', '--interp_idx2', '1']
  const args = [...smallImageFlags(12, 11), ...indices, '-l', broken]
  const { code, stdout, stderr } = await runScript('evaluate', args, directory)
  assert.is(code, 0, stderr)
  assert.match(stdout, /^reconstruction +– +– +–$/m)
  assert.match(stdout, /^MSE –: what the model computes is not finite$/m)
  assert.match(stdout, 'active latent units: 0 of 2')
  assert.not.match(stdout, 'NaN')
  const json = JSON.parse((await runScript('evaluate', [...args, '--json'], directory)).stdout)
  assert.is(json.reconstruction.mse, null)
})

test('without the package canvas: a line at the start, and the numbers', async () => {
  const args = [...smallImageFlags(12, 11), '--interp_idx1', '0', '--interp_idx2', '1', '--out', 'none']
  const { code, stdout, stderr } = await runScript('evaluate', args, directory, WITHOUT_CANVAS)
  assert.is(code, 0)
  assert.match(stderr, /^no figures are drawn: figures need the npm package "canvas".*\n$/)
  assert.match(stdout, /^reconstruction +0\.\d{6}/m)
  assert.match(stdout, /^Figures: none$/m)
  assert.not.ok(existsSync(join(directory, 'none')))
})

test('images of one long line are drawn too', async () => {
  const { code, stdout, stderr } = await runScript('evaluate', smallImageFlags(5000, 1), directory)
  assert.is(code, 0, stderr)
  assert.match(stdout, /^Figures: .*interp\.png$/m)
  assert.is(stderr.trim().split('\n').length, 1, stderr)
  const { width, height } = await decodePng(readFileSync(join(directory, 'figures-5000x1-12/interp.png')))
  assert.ok(width < 16_000 && height < 16_000, `${width} × ${height}`)
})

const narrow = join(directory, 'narrow.safetensors')
const narrowNetwork = hourglass({ input: 100, hidden: 4, bottleneck: 2 })
writeFileSync(
  narrow,
  writeModel({ network: narrowNetwork, parameters: initialParameters(narrowNetwork, 1) }, narrow),
)

const refusals: { args: string[]; code: number; message: RegExp }[] = [
  { args: [], code: 2, message: /^error: .*--load: expected the file of a trained model/ },
  { args: ['-l', 'missing.pth'], code: 1, message: /^error: missing\.pth: / },
  {
    args: ['-l', narrow],
    code: 1,
    message: /narrow\.safetensors: expected .*784 inputs.*28 × 28.*found 100/,
  },
  { args: ['-l', MODEL, '-z', '16'], code: 2, message: /--bottleneck: expected 8, .*MLP\.8\.pth, found 16/ },
  ...['clean_idx', 'denoise_idx', 'interp_idx1', 'interp_idx2'].flatMap((flag) => [
    {
      args: ['-l', MODEL, ...small, `--${flag}`, '40'],
      code: 2,
      message: new RegExp(`--${flag}: expected a whole number from 0 to 39 .*found 40`),
    },
    { args: ['-l', MODEL, `--${flag}=-1`], code: 2, message: new RegExp(`--${flag}: .*found -1`) },
  ]),
  { args: ['-l', MODEL, '--noise_std=-0.1'], code: 2, message: /--noise_std: .*at least 0, found -0\.1/ },
  { args: ['-l', MODEL, '--noise_std', 'NaN'], code: 2, message: /--noise_std: .*found NaN/ },
  { args: ['-l', MODEL, '--steps', '1'], code: 2, message: /--steps: .*from 2 to 200, found 1/ },
  {
    args: ['-l', MODEL, '--set', 'valid'],
    code: 2,
    message: /--set: expected one of test, train, found valid/,
  },
]

for (const { args, code, message } of refusals) {
  const shown = args.map((arg) => arg.replace(directory, '').replace(MODEL, 'MLP.8.pth')).join(' ')
  test(`refused in one line, nothing written: evaluate ${shown}`, async () => {
    const outcome = await runScript('evaluate', [...args, '--out', 'refused'], directory)
    assert.match(outcome.stderr, message)
    assert.is(outcome.stderr.trim().split('\n').length, 1, outcome.stderr)
    assert.is(outcome.code, code)
    assert.is(outcome.stdout, '')
    assert.not.ok(existsSync(join(directory, 'refused')))
  })
}

test('a directory that cannot be made is an error before anything is computed', async () => {
  writeFileSync(join(directory, 'file'), '')
  const { code, stderr } = await run(...small, '--out', join('file', 'figures'))
  assert.is(code, 1, stderr)
  assert.match(stderr, /^error: file.figures: .*not a directory/)
  assert.is(stderr.trim().split('\n').length, 1, stderr)
})

test.after(() => rmSync(directory, { recursive: true, force: true }))
test.run()
