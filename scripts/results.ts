/**
 * `npm run results`: makes what `results/` publishes anew, step by step, and says which files changed. Interrupted, it
 * goes on after the last step that was completed with the code as it is.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError, HourglassError } from '../src/errors.ts'
import { writeFileAtomically } from '../src/files/write.ts'
import { COMPUTATION } from '../src/run/computation.ts'
import { commandLine, runCommand } from './cli.ts'

interface Step {
  readonly name: string
  /** Of `npm run`, with its flags. */
  readonly command: readonly string[]
}

const step = (name: string, command: string): Step => ({ name, command: command.split(' ') })

/** In their order: later ones use the models of earlier ones. */
export const STEPS: readonly Step[] = [
  step(
    'model',
    'train -z 8 -e 50 -s results/MLP.8.pth -p results/loss.MLP.8.png --checkpoint out/MLP.8.checkpoint.safetensors',
  ),
  step('weights', 'convert results/MLP.8.pth results/MLP.8.safetensors'),
  step('figures', 'evaluate -l results/MLP.8.pth --out results'),
  step(
    'denoiser',
    'train -z 8 -e 50 --noise-std 0.2 -s results/denoising/MLP.8.noise.pth -p results/denoising/loss.MLP.8.noise.png ' +
      '--checkpoint out/MLP.8.noise.checkpoint.safetensors',
  ),
  step('denoiser-figures', 'evaluate -l results/denoising/MLP.8.noise.pth --out results/denoising'),
  step('sweep', 'sweep -z 2,4,8,16,32,64 --seeds 3 --epochs 30 --out results/sweep'),
  step(
    'sweep-identity',
    'sweep -z 4,8,16,32 --seeds 3 --epochs 30 --latent-activation identity --out results/sweep-identity',
  ),
  ...['latent', 'anomaly', 'generate', 'pretrain'].map((name) =>
    step(name, `apply ${name} -l results/MLP.8.pth --out results/applications`),
  ),
  step(
    'denoise',
    'apply denoise -l results/MLP.8.pth --denoising-model results/denoising/MLP.8.noise.pth --out results/applications',
  ),
]

const STATE = 'out/results.json'

/** What a step's result depends on besides its command. */
function digestOf({ command }: Step): string {
  return createHash('sha256')
    .update(`${COMPUTATION} ${command.join(' ')}`)
    .digest('hex')
}

async function readState(): Promise<Record<string, string>> {
  if (!existsSync(STATE)) return {}
  try {
    return JSON.parse(await readFile(STATE, 'utf8')) as Record<string, string>
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

function run(command: readonly string[]): Promise<void> {
  const [name, ...flags] = command
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['scripts/start.mjs', name, ...flags], { stdio: 'inherit' })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new HourglassError(`npm run ${name}: expected exit code 0, found ${code ?? signal}`))
    })
  })
}

async function main(args: string[]): Promise<undefined> {
  const flags = await commandLine(
    'npm run results -- [flags]\n\nMakes the files of results/ anew; speed is measured by npm run bench.',
    args,
  )
    .options({
      force: { describe: 'do steps that are done again', type: 'boolean', default: false },
      list: { describe: 'print the steps and whether they are done', type: 'boolean', default: false },
    })
    .parseAsync()
  const done = flags.force ? {} : await readState()
  const isDone = (each: Step) => done[each.name] === digestOf(each)
  if (flags.list) {
    for (const each of STEPS)
      console.log(
        `${isDone(each) ? 'done' : 'to do'}  npm run ${each.command[0]} -- ${each.command.slice(1).join(' ')}`,
      )
    return undefined
  }
  await mkdir('out', { recursive: true })
  const before = await hashes('results')
  for (const [i, each] of STEPS.entries()) {
    if (isDone(each)) {
      console.log(`${i + 1}/${STEPS.length} ${each.name}: done before`)
      continue
    }
    console.log(
      `${i + 1}/${STEPS.length} ${each.name}: npm run ${each.command[0]} -- ${each.command.slice(1).join(' ')}`,
    )
    await run(each.command)
    done[each.name] = digestOf(each)
    await writeFileAtomically(STATE, new TextEncoder().encode(`${JSON.stringify(done, null, 2)}\n`))
  }
  const after = await hashes('results')
  const changed = [...after].filter(([file, hash]) => before.get(file) !== hash).map(([file]) => file)
  console.log(
    changed.length === 0 ? 'Nothing changed.' : `Changed:\n${changed.map((file) => `  ${file}`).join('\n')}`,
  )
  return undefined
}

await runCommand(main)
