/**
 * `npm run test:pytorch`: our .pth and .safetensors in PyTorch (weights_only=True), our .onnx in the ONNX
 * checker, and files of every kind in PyTorch and in our reader, which must agree (differential.ts); our
 * event files in TensorBoard's reader (event-files.ts); scores in ONNX Runtime (scores.ts). Needs a Python
 * with torch, safetensors, onnx, onnxruntime, pandas and tensorboard: $PYTHON, else python3. What is missing
 * is skipped, loudly.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadDataset } from '../../src/data/node-files.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { readModel, writeModel } from '../../src/formats/model-file.ts'
import { writeOnnx } from '../../src/formats/onnx.ts'
import type { Network } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { stateOf } from '../../src/model/state.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { compareWithPyTorch, LEAST_VERSION } from './differential.ts'
import { checkEventFiles } from './event-files.ts'
import { checkOnnxScores } from './scores.ts'

const TOLERANCE = 1e-6
const IMAGES = 16
const python = process.env.PYTHON ?? 'python3'

interface Case {
  name: string
  network: Network
  parameters: Float32Array
}

interface Answer {
  torch: string
  results: { what: string; codes: number; reconstructions: number }[]
  skipped: string[]
}

function cases(): Case[] {
  const fixture = new URL('../fixtures/interop/MLP.8.pth', import.meta.url)
  const trained = readModel(readFileSync(fixture), 'MLP.8.pth')
  const identity = hourglass({ input: 784, hidden: 392, bottleneck: 3, latentActivation: 'identity' })
  const deep = hourglass({
    input: 784,
    hidden: [100, 50, 25],
    bottleneck: 4,
    activation: 'tanh',
    latentActivation: 'sigmoid',
    outputActivation: 'identity',
  })
  return [
    { name: 'trained', network: trained.network, parameters: trained.parameters },
    { name: 'identity', network: identity, parameters: initialParameters(identity, 5) },
    { name: 'deep', network: deep, parameters: initialParameters(deep, 6) },
  ]
}

/** Writes the case's files; returns what check.py compares with. */
async function prepare(directory: string, { name, network, parameters }: Case, images: Float64Array) {
  for (const file of [`${name}.pth`, `${name}.safetensors`]) {
    writeFileSync(join(directory, file), writeModel({ network, parameters }, file))
  }
  writeFileSync(join(directory, `${name}.onnx`), writeOnnx(network, parameters).bytes)
  const engine = createReferenceEngine(network)
  await engine.writeState(stateOf(parameters))
  const [codes, reconstructions] = [await engine.encode(images), await engine.forward(images)]
  await engine.dispose()
  const arrays = { images: [...images], codes: [...codes], reconstructions: [...reconstructions] }
  const { layers, codeLayer } = network
  return { name, layers, codeLayer, ...arrays }
}

async function main(): Promise<number> {
  const unread = await checkEventFiles(python)
  const other = await checkOnnxScores(python)
  return Math.max(unread, other, await checkModels())
}

async function checkModels(): Promise<number> {
  if (spawnSync(python, ['-c', 'import torch']).status !== 0) {
    console.log(`SKIPPED: test:pytorch: ${python} has no torch; set PYTHON to one that has`)
    return 0
  }
  const { test } = await loadDataset()
  const images = Float64Array.from(test.rows.subarray(0, IMAGES * 784), (byte) => byte / 255)
  const directory = mkdtempSync(join(tmpdir(), 'hourglass-pytorch-'))
  try {
    const prepared = []
    for (const each of cases()) prepared.push(await prepare(directory, each, images))
    writeFileSync(join(directory, 'cases.json'), JSON.stringify(prepared))
    const script = fileURLToPath(new URL('check.py', import.meta.url))
    const { status, stdout, stderr } = spawnSync(python, [script, directory], { encoding: 'utf8' })
    if (status !== 0) {
      console.log(`FAIL: ${python} could not open what Hourglass wrote:\n${stderr}`)
      return 1
    }
    const answer = JSON.parse(stdout) as Answer
    const failed = report(answer)
    return Math.max(failed, judge(answer.torch, directory))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function report({ torch, results, skipped }: Answer): number {
  let failed = 0
  for (const { what, codes, reconstructions } of results) {
    const passed = codes <= TOLERANCE && reconstructions <= TOLERANCE
    if (!passed) failed++
    console.log(
      `${passed ? 'ok  ' : 'FAIL'} ${what}: codes ${codes.toExponential(1)}, pixels ${reconstructions.toExponential(1)}`,
    )
  }
  for (const reason of skipped) console.log(`SKIPPED: ${reason}`)
  console.log(
    `PyTorch ${torch}: ${results.length - failed} passed, ${failed} failed, ${skipped.length} skipped`,
  )
  return failed > 0 || results.length === 0 ? 1 : 0
}

function judge(version: string, directory: string): number {
  const [major, minor] = version.split('.').map(Number)
  const [leastMajor, leastMinor] = LEAST_VERSION
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    console.log(
      `SKIPPED: the comparison of readers needs PyTorch ${LEAST_VERSION.join('.')}, found ${version}`,
    )
    return 0
  }
  const faults = compareWithPyTorch(python, join(directory, 'corpus'))
  for (const fault of faults) console.log(`FAIL ${fault}`)
  return faults.length > 0 ? 1 : 0
}

process.exitCode = await main()
