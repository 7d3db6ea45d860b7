/**
 * Kills training runs by SIGKILL, in front of exact system calls (by strace) and at random moments, and goes
 * on with each:
 *
 *   node tests/kills.ts [--kills 200] [--seed 1]
 *
 * Every second run, where the system allows it, has a process namespace of its own, as in a container: all of
 * those have the same process id. After each kill the files must be whole; after the run that follows nothing
 * else may lie beside them; and at the end weights and checkpoint must be, bit for bit, those of a run that
 * nobody killed. Needs Linux and strace. The suite has a small form of this (tests/files/write.test.ts).
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readModel } from '../src/formats/model-file.ts'
import { createRandomSequence } from '../src/random/sequence.ts'
import { readCheckpoint } from '../src/run/checkpoint.ts'
import { OWN_NAMESPACE, runProgram, withoutNamespaces } from './support/processes.ts'
import { smallDataset, writeDataset } from './support/small-data.ts'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
})
const wanted = Number(values.kills)
const random = createRandomSequence(Number(values.seed))

const TRAIN = fileURLToPath(new URL('../scripts/train.ts', import.meta.url))
const FILES = ['plot.png', 'w.checkpoint.safetensors', 'w.pth']
/** So many epochs that no run ends before it is killed. */
const ENDLESS = 1_000_000

/**
 * Calls with which files are made, filled, made durable, named and removed, and up to which of them to wait.
 */
const CALLS: Readonly<Record<string, number>> = {
  rename: 8,
  fsync: 16,
  unlink: 10,
  bind: 8,
  listen: 8,
  connect: 2,
  getdents64: 20,
  fchmod: 8,
  chmod: 8,
  pwrite64: 30,
  write: 120,
  openat: 260,
  close: 200,
  statx: 200,
}

const root = mkdtempSync(join(tmpdir(), 'hourglass-kills-'))
const data = writeDataset(join(root, 'data'), smallDataset(40, 5))
const folder = join(root, 'run')
mkdirSync(folder)
const hasNamespaces = withoutNamespaces() === undefined

function trainArgs(cwd: string, epochs: number): string[] {
  const weights = join(cwd, 'w.pth')
  const checkpoint = join(cwd, 'w.checkpoint.safetensors')
  const places = ['--save', weights, '--plot', join(cwd, 'plot.png'), '--checkpoint', checkpoint]
  const machine = ['--device', 'cpu', '--threads', '1', '--simd', '128', '--json']
  const start = existsSync(checkpoint)
    ? ['--resume', checkpoint]
    : ['--data', data, '--hidden', '9', '--z', '3', '-b', '8']
  return [process.execPath, TRAIN, ...start, ...places, ...machine, '-e', String(epochs)]
}

/** Throws unless each file that is there is whole. Returns the epochs of the checkpoint, 0 for none. */
function checkWhole(cwd: string): number {
  const read = (name: string) => (existsSync(join(cwd, name)) ? readFileSync(join(cwd, name)) : undefined)
  const weights = read('w.pth')
  if (weights) readModel(weights, 'w.pth')
  const plot = read('plot.png')
  if (plot && !plot.subarray(-12).equals(Buffer.from('0000000049454e44ae426082', 'hex'))) {
    throw new Error('plot.png is cut short')
  }
  const checkpoint = read('w.checkpoint.safetensors')
  return checkpoint ? readCheckpoint(checkpoint, 'w.checkpoint.safetensors').progress.epoch : 0
}

/**
 * Ends the command and all that it started by SIGKILL, at the latest after so long; resolves when they are
 * gone.
 */
async function endAfter(words: readonly string[], ms: number): Promise<void> {
  const [program, ...args] = words
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  child.stdout.resume()
  const gone = once(child, 'close')
  const timer = setTimeout(() => {
    // The whole group, unless the child has just ended.
    if (child.exitCode === null && child.signalCode === null) process.kill(-Number(child.pid), 'SIGKILL')
  }, ms)
  await gone
  clearTimeout(timer)
}

let epochs = 0
let kills = 0
const counts = new Map<string, number>()
const calls = Object.keys(CALLS)
while (kills < wanted) {
  const isContained = hasNamespaces && kills % 2 === 1
  const command = [...(isContained ? OWN_NAMESPACE : []), ...trainArgs(folder, ENDLESS)]
  const isExact = random.uniform() < 0.75
  const call = calls[random.below(calls.length)]
  const where = isExact ? `${call}:signal=SIGKILL:when=${1 + random.below(CALLS[call])}` : 'a random moment'
  const words = isExact
    ? ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${where}`, ...command]
    : command
  // A call that never comes is left to the clock, too.
  await endAfter(words, isExact ? 4_000 : 300 + random.below(1500))
  kills++
  counts.set(isExact ? call : where, (counts.get(isExact ? call : where) ?? 0) + 1)
  const before = checkWhole(folder)
  if (before < epochs) throw new Error(`kill ${kills} at ${where} lost epochs: ${before} of ${epochs}`)
  epochs = before + 1
  const [program, ...args] = [...(isContained ? OWN_NAMESPACE : []), ...trainArgs(folder, epochs)]
  const next = await runProgram(program, args)
  const left = readdirSync(folder).sort()
  if (next.code !== 0 || `${left}` !== `${FILES}` || checkWhole(folder) !== epochs) {
    throw new Error(`after kill ${kills} at ${where}: code ${next.code}, ${next.stderr}, found ${left}`)
  }
  if (kills % 20 === 0) console.log(`${kills} kills, ${epochs} epochs`)
}

const whole = join(root, 'whole')
mkdirSync(whole)
const [program, ...args] = trainArgs(whole, epochs)
// All its epochs in one run.
const { code, signal, stderr } = await runProgram(program, args, {}, 3_600_000)
if (code !== 0) throw new Error(`the run that nobody killed ended with ${code ?? signal}: ${stderr}`)
const same = (name: string) => readFileSync(join(whole, name)).equals(readFileSync(join(folder, name)))
if (!same('w.pth')) throw new Error('the weights are other than those of a run that nobody killed')
console.log([...counts].map(([name, count]) => `${name} ${count}`).join(', '))
console.log(
  `${kills} kills, half of them under one process id: files whole, nothing left, nothing lost, bits equal`,
)
rmSync(root, { recursive: true, force: true })
