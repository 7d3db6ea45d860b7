import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readModel, writeModel } from '../../src/formats/model-file.ts'
import { writeOnnx } from '../../src/formats/onnx.ts'
import { writeSafetensors } from '../../src/formats/safetensors.ts'
import { fingerprints, smallNetwork } from '../formats/small-model.ts'
import { runScript } from '../support/command.ts'

const test = suite('convert and export', { directory: '' })

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'hourglass-convert-'))
})
test.after.each(({ directory }) => rmSync(directory, { recursive: true }))

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/interop/small/${name}`, import.meta.url))
const network = smallNetwork('identity')
const parameters = fingerprints(network)

test('a model goes from .pth to .safetensors and back, and stays the same', async ({ directory }) => {
  const write = (name: string) =>
    writeFileSync(join(directory, name), writeModel({ network, parameters }, name))
  const read = (name: string) => readModel(readFileSync(join(directory, name)), name)
  write('a.pth')
  for (const [from, to] of [
    ['a.pth', 'b.safetensors'],
    ['b.safetensors', 'c.pth'],
  ]) {
    const { code, stdout, stderr } = await runScript('convert', [from, to], directory)
    assert.is(stderr, '')
    assert.is(stdout, `${to}: 5 → 4 → 2 → 4 → 5, 71 parameters\n`)
    assert.is(code, 0)
    assert.equal(read(to).parameters, parameters)
    assert.equal(read(to).network, network)
  }
  assert.equal(readdirSync(directory).sort(), ['a.pth', 'b.safetensors', 'c.pth'])
})

test('what is taken of a foreign file is said, with the flags that say otherwise', async ({ directory }) => {
  const zeros = (...shape: number[]) => {
    return { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) }
  }
  const tensors = new Map([
    ['0.weight', zeros(2, 5)],
    ['0.bias', zeros(2)],
    ['2.weight', zeros(5, 2)],
    ['2.bias', zeros(5)],
  ])
  writeFileSync(join(directory, 'foreign.safetensors'), writeSafetensors(tensors))
  const taken = await runScript('convert', ['foreign.safetensors', 'a.pth'], directory)
  assert.match(
    taken.stderr,
    /^warning: .*: says no more than its layers.*\n +Where that is wrong, say it: --a/,
  )
  const flags = ['--activation=tanh', '--latent-activation=identity', '--output-activation=identity']
  const said = [...flags, '--loss=mse', '--code-layer=1']
  const all = await runScript('convert', ['foreign.safetensors', 'a.pth', ...said], directory)
  assert.is(all.stderr, '')
})

test('convert: a wrong name is a usage error, a hostile file one line, and nothing is written', async ({
  directory,
}) => {
  const usage = await runScript('convert', [fixture('plain.pth'), 'b.onnx'], directory)
  assert.is(usage.code, 2)
  assert.is(usage.stderr, 'error: b.onnx: expected a name that ends in .pth or .safetensors\n')
  const hostile = await runScript('convert', [fixture('os-system.pth'), 'b.pth'], directory)
  assert.is(hostile.code, 1)
  assert.match(hostile.stderr, /^error: .*os-system\.pth: its pickle asks for "posix\.system".*\n$/)
  const missing = await runScript('convert', ['no.pth', 'b.pth'], directory)
  assert.is(missing.code, 1)
  assert.match(missing.stderr, /^error: no\.pth: .*\n$/)
  assert.equal(readdirSync(directory), [])
})

test('export writes the part asked for; a NaN weight is a warning', async ({ directory }) => {
  const sick = Float32Array.from(parameters)
  sick[3] = NaN
  writeFileSync(join(directory, 'm.safetensors'), writeModel({ network, parameters: sick }, 'm.safetensors'))
  const flags = ['-l', 'm.safetensors', '--onnx', 'm.onnx', '--part', 'encoder']
  const { code, stdout, stderr } = await runScript('export', flags, directory)
  assert.is(
    stderr,
    'warning: m.safetensors: tensor "fc1.weight" holds 1 of 20 values that are NaN or infinite in float32\n',
  )
  assert.is(stdout, 'm.onnx: encoder, image (batch, 5) → code (batch, 2), float32\n')
  assert.is(code, 0)
  assert.equal(
    Uint8Array.from(readFileSync(join(directory, 'm.onnx'))),
    writeOnnx(network, sick, 'encoder').bytes,
  )
})

test('with --json both print one object', async ({ directory }) => {
  writeFileSync(join(directory, 'm.pth'), writeModel({ network, parameters }, 'm.pth'))
  const converted = await runScript('convert', ['m.pth', 'm.safetensors', '--json'], directory)
  const { file, from, parameters: count } = JSON.parse(converted.stdout)
  assert.equal({ file, from, count }, { file: 'm.safetensors', from: 'm.pth', count: 71 })
  const args = ['-l', 'm.pth', '--onnx', 'm.onnx', '--part', 'encoder', '--json']
  const exported = await runScript('export', args, directory)
  assert.equal(JSON.parse(exported.stdout), {
    file: 'm.onnx',
    part: 'encoder',
    input: { name: 'image', size: 5 },
    output: { name: 'code', size: 2 },
  })
})

test('export: flags that are missing or wrong', async ({ directory }) => {
  const refused = async (args: string[], expected: RegExp) => {
    const { code, stderr } = await runScript('export', args, directory)
    assert.is(code, 2)
    assert.match(stderr, expected)
  }
  await refused(
    ['--onnx', 'm.onnx'],
    /^error: --load: expected the file of a trained model, found nothing\n$/,
  )
  await refused(['-l', 'm.pth'], /^error: --onnx: expected the file to write, found nothing\n$/)
  await refused(
    ['-l', 'm.pth', '--onnx', 'm.pth'],
    /^error: --onnx: expected a name that ends in \.onnx, found m\.pth\n$/,
  )
  await refused(
    ['-l', 'm.pth', '--onnx', 'm.onnx', '--part', 'half'],
    /^error: --part: expected one of autoencoder, /,
  )
})

test.run()
