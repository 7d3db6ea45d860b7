/**
 * `npm run results`: makes what `results/` publishes anew, step by step, and says which files changed.
 * Interrupted, it goes on after the last step that was completed with the code as it is.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { FileError, HourglassError, UsageError } from '../src/errors.ts'
import { writeFileAtomically } from '../src/files/write.ts'
import { COMPUTATION } from '../src/run/computation.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import { commandLine, listOf, runCommand } from './cli.ts'
import { driftedNumbers } from './docs/quoted-numbers.ts'

interface Step {
  readonly name: string
  /** Of `npm run`, with its flags. */
  readonly command: readonly string[]
  /** Takes what the command prints. */
  readonly into?: string
  /** Records that the command would go on from: removed before it begins, though not before it goes on. */
  readonly records?: string
}

const step = (name: string, command: string, files: Pick<Step, 'into' | 'records'> = {}): Step => ({
  name,
  command: command.split(' '),
  ...files,
})

/** Of a model that no other step needs, neither the plot nor the checkpoint is published. */
const training = (model: string, flags: string, plot = `out/loss.${model}.png`, folder = 'results') =>
  `train ${flags} -e 50 -s ${folder}/${model}.pth -p ${plot} --checkpoint out/${model}.checkpoint.safetensors`

const evaluation = (model: string, folder: string): [string, Pick<Step, 'into'>] => [
  `evaluate -l ${folder}/${model}.pth --out ${folder} --json`,
  { into: `${folder}/evaluation.json` },
]

const sweep = (name: string, flags: string, epochs = 30): Step =>
  step(name, `sweep ${flags} --seeds 3 --epochs ${epochs} --out results/${name}`, {
    records: `results/${name}/runs.jsonl`,
  })

/** In their order: later ones use the models of earlier ones. */
export const STEPS: readonly Step[] = [
  step('model', training('MLP.8', '-z 8', 'results/loss.MLP.8.png')),
  step('weights', 'convert results/MLP.8.pth results/MLP.8.safetensors'),
  step('figures', ...evaluation('MLP.8', 'results')),
  step(
    'denoiser',
    training(
      'MLP.8.noise',
      '-z 8 --noise-std 0.2',
      'results/denoising/loss.MLP.8.noise.png',
      'results/denoising',
    ),
  ),
  step('denoiser-figures', ...evaluation('MLP.8.noise', 'results/denoising')),
  step('model-of-2', training('MLP.2', '-z 2')),
  step('latent-of-2', 'apply latent -l results/MLP.2.pth --out results/applications/z2'),
  sweep('sweep', '-z 2,4,8,16,32,64'),
  sweep('sweep-identity', '-z 4,8,16,32 --latent-activation identity'),
  sweep('sweep-noise', '-z 8 --noise-std 0.2 --sigma 0.2', 50),
  step(
    'sweep-short',
    'sweep --config examples/short.json -z 2,4,8,16,32,64 --seeds 3 --out results/sweep-short',
    { records: 'results/sweep-short/runs.jsonl' },
  ),
  ...['latent', 'anomaly', 'generate', 'pretrain'].map((name) =>
    step(name, `apply ${name} -l results/MLP.8.pth --out results/applications`),
  ),
  step(
    'denoise',
    'apply denoise -l results/MLP.8.pth --denoising-model results/denoising/MLP.8.noise.pth --out results/applications',
  ),
]

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const STATE = 'out/results.json'

type State = Record<string, { readonly digest: string; readonly isDone: boolean }>

/** What a step's result depends on besides its command. */
function digestOf({ command }: Step): string {
  return createHash('sha256')
    .update(`${COMPUTATION} ${command.join(' ')}`)
    .digest('hex')
}

async function readState(): Promise<State> {
  if (!existsSync(STATE)) return {}
  try {
    return JSON.parse(await readFile(STATE, 'utf8')) as State
  } catch (cause) {
    throw new FileError(STATE, 'expected JSON of an earlier call, found something else: remove it', { cause })
  }
}

/** SHA-256 of each file below a folder. */
async function hashes(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.set(
      path,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    )
  }
  return found
}

/** What the command prints on stdout, where it is wanted; else it goes to the terminal. */
async function run([name, ...flags]: readonly string[], isWanted: boolean, signal: AbortSignal) {
  const child = spawn(process.execPath, ['scripts/start.mjs', name, ...flags], {
    stdio: ['inherit', isWanted ? 'pipe' : 'inherit', 'inherit'],
  })
  // It saves, and ends with the code of an interrupted run.
  const stop = () => child.kill()
  signal.addEventListener('abort', stop, { once: true })
  const exit = once(child, 'exit')
  const printed = child.stdout === null ? '' : await text(child.stdout)
  const [code, killedBy] = await exit
  signal.removeEventListener('abort', stop)
  if (code !== 0 && !signal.aborted) {
    throw new HourglassError(`npm run ${name}: expected exit code 0, found ${code ?? killedBy}`)
  }
  return printed
}

/** The command as one types it. */
function typed({ command: [name, ...flags], into }: Step): string {
  const silent = into === undefined ? '' : '--silent '
  return `npm run ${silent}${name} -- ${flags.join(' ')}${into === undefined ? '' : ` > ${into}`}`
}

function stepsOf(only: readonly string[] | undefined): readonly Step[] {
  for (const name of only ?? []) {
    if (!STEPS.some((each) => each.name === name)) {
      throw new UsageError(
        `--only: expected names of ${STEPS.map((each) => each.name).join(', ')}, found ${name}`,
      )
    }
  }
  return only === undefined ? STEPS : STEPS.filter(({ name }) => only.includes(name))
}

async function main(args: string[]): Promise<number | undefined> {
  // Whose results they are, wherever npm was called.
  process.chdir(ROOT)
  const flags = await commandLine(
    'npm run results -- [flags]\n\nMakes the files of results/ anew; speed is measured by npm run bench.',
    args,
  )
    .options({
      only: {
        describe: 'names of steps, separated by commas',
        requiresArg: true,
        coerce: listOf('only', String),
      },
      force: { describe: 'do steps that are done again', type: 'boolean', default: false },
      list: { describe: 'print the steps and whether they are done', type: 'boolean', default: false },
    })
    .parseAsync()
  const state: State = flags.force ? {} : await readState()
  const isCurrent = (each: Step) => state[each.name]?.digest === digestOf(each)
  const isDone = (each: Step) => isCurrent(each) && state[each.name].isDone
  const steps = stepsOf(flags.only)
  if (flags.list) {
    for (const each of steps) console.log(`${isDone(each) ? 'done ' : 'to do'}  ${each.name}: ${typed(each)}`)
    return undefined
  }
  await mkdir('out', { recursive: true })
  const before = await hashes('results')
  const interrupt = onInterrupt(() =>
    console.error('interrupted: npm run results begins again with this part'),
  )
  for (const [i, each] of steps.entries()) {
    const title = `${i + 1}/${steps.length} ${each.name}`
    if (isDone(each)) {
      console.log(`${title}: done before`)
      continue
    }
    console.log(`${title}: ${typed(each)}`)
    const save = (isFinished: boolean) => {
      state[each.name] = { digest: digestOf(each), isDone: isFinished }
      return writeFileAtomically(STATE, `${JSON.stringify(state, null, 2)}\n`)
    }
    if (!isCurrent(each) && each.records !== undefined) await rm(each.records, { force: true })
    await save(false)
    const printed = await run(each.command, each.into !== undefined, interrupt.signal)
    if (interrupt.exitCode() !== undefined) return interrupt.exitCode()
    if (each.into !== undefined) await writeFileAtomically(each.into, printed)
    await save(true)
  }
  interrupt.release()
  const after = await hashes('results')
  const changed = [...after].filter(([file, hash]) => before.get(file) !== hash).map(([file]) => file)
  console.log(
    changed.length === 0 ? 'Nothing changed.' : `Changed:\n${changed.map((file) => `  ${file}`).join('\n')}`,
  )
  const drifted = await driftedNumbers()
  if (drifted.length > 0) console.log(`Numbers to mend:\n${drifted.map((line) => `  ${line}`).join('\n')}`)
  return undefined
}

await runCommand(main)
