/** The parity command as a process of its own: on the CPU, on WebGPU, and when the engine disagrees. */
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ParityReport } from '../../src/training/parity.ts'
import { missingAdapter, useSoftwareAdapterIfNoOther } from '../engines/software-adapter.ts'
import { runScript } from '../support/command.ts'
import { skipTest } from '../support/skip.ts'

useSoftwareAdapterIfNoOther()

const test = suite('npm run parity')

/** The smallest: 30 steps of 64 images take some ten seconds on a software adapter. */
const FILE = fileURLToPath(new URL('../fixtures/parity/z2-b64.json', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'hourglass-parity-'))
test.after(() => rmSync(folder, { recursive: true }))

async function assertAgrees(device: 'cpu' | 'webgpu'): Promise<void> {
  const { code, stdout, stderr } = await runScript('parity', [FILE, '--device', device, '--json'], folder)
  assert.is(code, 0, `${stderr}${stdout}`)
  const report = JSON.parse(stdout) as ParityReport & { device: string }
  assert.is(report.device, device === 'cpu' ? 'wasm' : device)
  assert.is(report.losses.length, 30)
  assert.ok(report.lossError <= 1e-6, `losses: ${report.lossError}`)
  assert.is(report.tensors.length, 8)
  for (const tensor of report.tensors) assert.ok(tensor.passed, JSON.stringify(tensor))
}

test('agrees with PyTorch on the CPU', () => assertAgrees('cpu'))

const ON_WEBGPU = 'agrees with PyTorch on WebGPU'
const noAdapter = await missingAdapter()
if (noAdapter === undefined) test(ON_WEBGPU, () => assertAgrees('webgpu'))
else skipTest(test, ON_WEBGPU, noAdapter)

test('a trajectory that ends elsewhere is exit code 1, with the tensor named', async () => {
  const trajectory = JSON.parse(await readFile(FILE, 'utf8'))
  const { value } = trajectory.final_parameters['fc3.weight']
  value[0] += 1e-3
  const file = join(folder, 'elsewhere.json')
  await writeFile(file, JSON.stringify(trajectory))
  const { code, stdout } = await runScript('parity', [file, '--device', 'cpu'], folder)
  assert.is(code, 1)
  assert.match(stdout, /^fc3\.weight .*FAIL$/m)
  assert.is(stdout.match(/FAIL/g)?.length, 1)
  assert.match(stdout, /Disagrees with PyTorch/)
})

test.run()
