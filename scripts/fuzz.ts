/**
 * `npm run fuzz -- --minutes 30`: damaged files of every format, until the time or the number of inputs is
 * reached.
 *
 * An input is wrong if its reader throws anything but a FileError, takes more than a second of processor time
 * for each megabyte (a second at least), or more memory than 8 times the file and 300 MB. Inputs that made a
 * reader say something new are kept in the corpus, from which later runs begin; so is the seed, and how far
 * it was used.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory, writeFileAtomically } from '../src/files/write.ts'
import { JsonFields } from '../src/formats/json-fields.ts'
import { createRandomSequence } from '../src/random/sequence.ts'
import { BOMBS } from '../tests/fuzz/bombs.ts'
import { explode, isForeign, memoryLimit } from '../tests/fuzz/explode.ts'
import { judge, mutated, TARGETS, type Target } from '../tests/fuzz/targets.ts'
import { commandLine, path, positiveNumber, runCommand, SEED_LIMIT, wholeNumber } from './cli.ts'

const MEGABYTE = 1e6
const SECONDS_PER_MEGABYTE = 1
/** Inputs of one target before the next has its turn. */
const INPUTS_AT_ONCE = 500
/** Files of more bytes are not kept: what is made of them grows with them. */
const MOST_CORPUS_BYTES = 100_000
const EXIT_FAILED = 1

interface Progress {
  seed: number
  /** Inputs done of each target with this seed. */
  done: number
}

async function main(args: string[]): Promise<number | undefined> {
  const flags = await commandLine('npm run fuzz -- --minutes 30 [flags]', args)
    .options({
      minutes: {
        describe: 'for how long',
        default: '1',
        requiresArg: true,
        coerce: positiveNumber('minutes'),
      },
      inputs: { describe: 'or until so many inputs', requiresArg: true, coerce: wholeNumber('inputs', 1) },
      seed: {
        describe: 'of the damage',
        defaultDescription: 'the corpus’s, or 1',
        requiresArg: true,
        coerce: wholeNumber('seed', 0, SEED_LIMIT - 1),
      },
      corpus: {
        describe: 'folder that keeps inputs',
        default: 'fuzz-corpus',
        requiresArg: true,
        coerce: path('corpus'),
      },
    })
    .parseAsync()
  await makeDirectory(flags.corpus)
  // Most inputs end in an error: its stack would take longer than reading them.
  Error.stackTraceLimit = 0
  const progress = readProgress(flags.corpus, flags.seed)
  console.log(`seed ${progress.seed}, corpus ${flags.corpus}`)
  // The bombs last: making them takes more memory than reading anything may.
  const failures = [...(await fuzz(flags, progress)), ...explodeBombs()]
  for (const failure of failures) console.log(`FAIL ${failure}`)
  return failures.length > 0 ? EXIT_FAILED : 0
}

// --- damaged files ---

async function fuzz(
  { minutes, inputs = Infinity, corpus }: { minutes: number; inputs?: number | undefined; corpus: string },
  progress: Progress,
): Promise<string[]> {
  const failures: string[] = []
  const end = performance.now() + minutes * 60_000
  const states = TARGETS.map((target, index) => ({ target, index, ...loadCorpus(corpus, target) }))
  const before = process.resourceUsage().maxRSS * 1024
  let count = 0
  let slowest = 0
  while (performance.now() < end && count < inputs && failures.length < 10) {
    for (const state of states) {
      // One sequence for each target of a seed: they begin with the same files.
      const seed = (progress.seed + Math.imul(state.index + 1, 0x9e3779b9)) >>> 0
      for (let i = progress.done; i < progress.done + INPUTS_AT_ONCE; i++) {
        const bytes = mutated(state.target, state.seeds, createRandomSequence(seed, i))
        const begun = processorSeconds()
        const outcome = await judge(state.target, bytes).catch((error: Error) => error)
        const seconds = processorSeconds() - begun
        const megabytes = Math.max(1, bytes.length / MEGABYTE)
        slowest = Math.max(slowest, seconds / megabytes)
        const memory = process.resourceUsage().maxRSS * 1024 - before
        let fault: string | undefined
        if (typeof outcome !== 'string') fault = await explain(state.target, bytes)
        else if (seconds > SECONDS_PER_MEGABYTE * megabytes) fault = `took ${seconds.toFixed(2)} s`
        else if (memory > memoryLimit(bytes.length)) fault = `took ${memory} bytes`
        if (fault !== undefined) {
          const kept = keep(corpus, 'failures', bytes)
          failures.push(`${state.target.name}: input ${i}, ${kept}: ${fault}`)
        } else if (typeof outcome === 'string' && !state.outcomes.has(outcome)) {
          state.outcomes.add(outcome)
          if (bytes.length <= MOST_CORPUS_BYTES) {
            keep(corpus, folderOf(state.target), bytes)
            state.seeds.push(bytes)
          }
        }
      }
      count += INPUTS_AT_ONCE
    }
    progress.done += INPUTS_AT_ONCE
    await writeFileAtomically(join(corpus, 'progress.json'), `${JSON.stringify(progress)}\n`)
  }
  const memory = (process.resourceUsage().maxRSS * 1024 - before) / MEGABYTE
  console.log(
    `${count} inputs: at most ${slowest.toFixed(3)} s for one or for each megabyte of one, ` +
      `${memory.toFixed(0)} MB beyond the start, ${failures.length} failures`,
  )
  for (const { target, outcomes } of states) console.log(`  ${target.name}: ${outcomes.size} outcomes`)
  return failures
}

/** What went wrong with an input, with the stack that it was read without. */
async function explain(target: Target, bytes: Uint8Array): Promise<string> {
  Error.stackTraceLimit = 20
  const outcome = await judge(target, bytes).catch((error: Error) => error)
  Error.stackTraceLimit = 0
  return typeof outcome === 'string' ? `not again: ${outcome}` : outcome.message
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const folderOf = ({ name }: Target) => name.replaceAll(/[^a-z]+/gi, '-')

/** The sound files and what earlier runs have kept; what these say is known. */
function loadCorpus(corpus: string, target: Target): { seeds: Uint8Array[]; outcomes: Set<string> } {
  const folder = join(corpus, folderOf(target))
  mkdirSync(folder, { recursive: true })
  const kept = readdirSync(folder)
    .sort()
    .map((name) => Uint8Array.from(readFileSync(join(folder, name))))
  return { seeds: [...target.seeds, ...kept], outcomes: new Set() }
}

/** The file's name by its content: the same input is kept once. */
function keep(corpus: string, folder: string, bytes: Uint8Array): string {
  mkdirSync(join(corpus, folder), { recursive: true })
  const name = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const file = join(corpus, folder, name)
  writeFileSync(file, bytes)
  return file
}

function readProgress(corpus: string, seed: number | undefined): Progress {
  const file = join(corpus, 'progress.json')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return { seed: seed ?? 1, done: 0 }
  }
  const fields = JsonFields.parse(text, file)
  const stored = { seed: fields.integer('seed', 0), done: fields.integer('done', 0) }
  return seed === undefined || seed === stored.seed ? stored : { seed, done: 0 }
}

// --- bombs ---

function explodeBombs(): string[] {
  return BOMBS.flatMap((bomb) => {
    const { bytes, outcome, seconds, memory } = explode(bomb)
    const cost = `${seconds.toFixed(2)} s, ${(memory / MEGABYTE).toFixed(0)} MB`
    console.log(`${bomb.name}, ${(bytes / MEGABYTE).toFixed(1)} MB: ${cost}: ${outcome.slice(0, 100)}`)
    const faults: string[] = []
    if (isForeign(outcome)) faults.push(`${bomb.name}: ${outcome}`)
    if (seconds > SECONDS_PER_MEGABYTE * Math.max(1, bytes / MEGABYTE))
      faults.push(`${bomb.name}: took ${cost}`)
    if (memory > memoryLimit(bytes)) faults.push(`${bomb.name}: took ${cost}`)
    return faults
  })
}

await runCommand(main)
