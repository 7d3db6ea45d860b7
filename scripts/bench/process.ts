/**
 * A whole training process, from its start to its files written, beside the same in PyTorch: time and peak
 * memory.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Dataset } from '../../src/data/dataset.ts'
import type { Simd } from '../../src/engines/options.ts'
import { HourglassError } from '../../src/errors.ts'
import type { Contestant, Effort, Measurement } from './measure.ts'
import { measure, quantile } from './measure.ts'

export interface ProcessRow {
  readonly title: string
  readonly command: string
  /** Milliseconds from start to end. */
  readonly time: Measurement
  /** Milliseconds from start to the first line it prints, the median; of ours, which is when it trains. */
  readonly startMilliseconds?: number
  readonly peakMemoryMiB: number
  /** Test error after the epoch: both have really trained. */
  readonly testLoss: number
}

export interface ProcessResult {
  readonly rows: readonly ProcessRow[]
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
}

const OURS = 'Hourglass: train -z 8 -e 1'
const PYTORCH = 'PyTorch, images in memory'
/** One epoch with z 8 ends near 0.034 (seed 1), an untrained network lies at some 0.2. */
const LARGEST_TEST_LOSS = 0.06
const LIMIT_MILLISECONDS = 300_000

interface Outcome {
  readonly startMilliseconds?: number
  readonly peakMemoryBytes: number
  readonly testLoss: number
}

/** `PYTHON` names the interpreter, default `python3`; without PyTorch ours runs alone. */
export async function benchProcess(
  dataset: Dataset,
  dataDirectory: string | undefined,
  threads: number,
  simd: Simd,
  effort: Effort,
): Promise<ProcessResult> {
  const directory = await mkdtemp(join(tmpdir(), 'hourglass-bench-'))
  const outcomes = new Map<string, Outcome[]>([OURS, PYTORCH].map((title) => [title, []]))
  const contestant = (title: string, run: () => Promise<Outcome>): Contestant => ({
    name: title,
    mayFail: title === PYTORCH,
    async run() {
      const start = performance.now()
      const outcome = await run()
      const milliseconds = performance.now() - start
      // "Not below" rather than "above", so that NaN never passes.
      if (!(outcome.testLoss <= LARGEST_TEST_LOSS)) {
        throw new HourglassError(
          `${title}: expected a test error of at most ${LARGEST_TEST_LOSS}, found ${outcome.testLoss}`,
        )
      }
      outcomes.get(title)?.push(outcome)
      return milliseconds
    },
  })
  try {
    await writeFile(join(directory, 'train.u8'), dataset.train.rows)
    await writeFile(join(directory, 'test.u8'), dataset.test.rows)
    const session = await measure(
      [
        contestant(OURS, () => runOurs(directory, dataDirectory, threads, simd)),
        contestant(PYTORCH, () => runPyTorch(directory, threads)),
      ],
      effort,
    )
    const commands = new Map([
      [OURS, 'npm run train -- -z 8 -e 1'],
      [PYTORCH, 'python3 scripts/bench/pytorch-epoch.py'],
    ])
    const rows = session.measurements.map((time) => {
      const of = outcomes.get(time.name) ?? []
      const starts = of.flatMap(({ startMilliseconds }) => startMilliseconds ?? [])
      return {
        title: time.name,
        command: commands.get(time.name) ?? '',
        time,
        ...(starts.length > 0 && {
          startMilliseconds: quantile(
            starts.sort((a, b) => a - b),
            0.5,
          ),
        }),
        peakMemoryMiB: Math.max(...of.map(({ peakMemoryBytes }) => peakMemoryBytes)) / 2 ** 20,
        testLoss: of[0].testLoss,
      }
    })
    return { rows, missing: session.failures }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function runOurs(
  directory: string,
  dataDirectory: string | undefined,
  threads: number,
  simd: Simd,
): Promise<Outcome> {
  const launcher = fileURLToPath(new URL('../start.mjs', import.meta.url))
  const preload = new URL('./peak-memory.mjs', import.meta.url).href
  const memoryFile = join(directory, 'peak-memory')
  const out = ['--save', join(directory, 'ours.pth'), '--plot', join(directory, 'ours.png')]
  const data = dataDirectory === undefined ? [] : ['--data', dataDirectory]
  const flags = ['-z', '8', '-e', '1', '--device', 'cpu', '--threads', String(threads), '--simd', simd]
  const { stdout, firstMilliseconds } = await runProgram(
    process.execPath,
    ['--import', preload, launcher, 'train', ...flags, '--json', ...out, ...data],
    { PEAK_MEMORY_FILE: memoryFile },
  )
  return {
    startMilliseconds: firstMilliseconds,
    peakMemoryBytes: Number(await readFile(memoryFile, 'utf8')),
    testLoss: Number(/"testLoss":([\d.e-]+)/.exec(stdout)?.[1]),
  }
}

async function runPyTorch(directory: string, threads: number): Promise<Outcome> {
  const script = fileURLToPath(new URL('./pytorch-epoch.py', import.meta.url))
  const { stdout } = await runProgram(
    process.env.PYTHON ?? 'python3',
    [
      script,
      join(directory, 'train.u8'),
      join(directory, 'test.u8'),
      join(directory, 'pytorch.pth'),
      String(threads),
    ],
    { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) },
  )
  const line = stdout.trim().split('\n').at(-1) ?? ''
  if (line.startsWith('unavailable')) throw new HourglassError(`PyTorch: ${line}`)
  const [, , testLoss, peakMemoryBytes] = line.split(' ').map(Number)
  return { testLoss, peakMemoryBytes }
}

/**
 * Standard output of a program that ends well, and when it began; rejects with what it wrote on standard
 * error otherwise.
 */
function runProgram(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly stdout: string; readonly firstMilliseconds: number }> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now()
    let firstMilliseconds = Number.NaN
    const child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MILLISECONDS,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout === '') firstMilliseconds = performance.now() - startMs
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', (error) => reject(new HourglassError(`cannot start ${program}: ${error.message}`)))
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ stdout, firstMilliseconds })
      else reject(new HourglassError(`${program} ended with ${signal ?? `code ${code}`}: ${stderr.trim()}`))
    })
  })
}
