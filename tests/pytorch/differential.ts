/**
 * PyTorch as the judge of `readTorch`: what `torch.load(weights_only=True)` refuses is refused, and what it
 * reads is read to the same bits, but for the exceptions that corpus.py and docs/threat-model.md name. Beside
 * the files of corpus.py stand damaged ones (tests/fuzz), of which only the first half can be asked: a subset
 * is all that is promised.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileError } from '../../src/errors.ts'
import { type Tensor, tensorBytes } from '../../src/formats/tensor.ts'
import { readTorch } from '../../src/formats/torch.ts'
import { createRandomSequence } from '../../src/random/sequence.ts'
import { mutated, TARGETS } from '../fuzz/targets.ts'

const DAMAGED_FILES = 3000
const DAMAGED = 'damaged'
/** Older ones know less of what weights_only takes. */
export const LEAST_VERSION = [2, 6]

interface CorpusFile {
  file: string
  exception: string | null
}

interface LoadedTensor {
  shape: number[]
  /** SHA-256. */
  bytes: string
  /** Saved as half floats, whose NaNs are all one. */
  isHalf: boolean
}

interface Loaded {
  torch: string
  loaded: Record<string, { error: string } | { tables: Record<string, LoadedTensor>[] }>
}

/**
 * Makes the files, has PyTorch load them, and compares. Returns one line for each on which the two disagree.
 */
export function compareWithPyTorch(python: string, directory: string): string[] {
  const script = fileURLToPath(new URL('corpus.py', import.meta.url))
  const run = (action: string) => {
    const { status, stderr } = spawnSync(python, [script, action, directory], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`corpus.py ${action}: ${stderr}`)
    for (const line of stderr.split('\n')) if (line.startsWith('not made')) console.log(`SKIPPED: ${line}`)
  }
  run('make')
  const list = join(directory, 'files.json')
  const files = JSON.parse(readFileSync(list, 'utf8')) as CorpusFile[]
  files.push(...writeDamaged(directory))
  writeFileSync(list, JSON.stringify(files))
  run('load')
  return compareLoaded(directory)
}

/** Compares with what `corpus.py load` has left in a directory: PyTorch may have been elsewhere. */
function compareLoaded(directory: string): string[] {
  const files = JSON.parse(readFileSync(join(directory, 'files.json'), 'utf8')) as CorpusFile[]
  const { loaded } = JSON.parse(readFileSync(join(directory, 'loaded.json'), 'utf8')) as Loaded

  const counts = { bothRead: 0, bothRefuse: 0, exceptions: 0, strict: 0 }
  const faults: string[] = []
  for (const { file, exception } of files) {
    const theirs = loaded[file]
    const ours = read(join(directory, file), file)
    if (typeof ours === 'string') {
      if ('error' in theirs) counts.bothRefuse++
      else if (exception === DAMAGED) counts.strict++
      else if (exception !== null) counts.exceptions++
      else faults.push(`${file}: PyTorch reads it, Hourglass says: ${ours}`)
    } else if ('error' in theirs) faults.push(`${file}: Hourglass reads it, PyTorch says: ${theirs.error}`)
    else if (!theirs.tables.some((table) => isSame(ours, table))) faults.push(`${file}: other tensors`)
    else {
      counts.bothRead++
      // An older PyTorch wrote it in a way that says less.
      if (exception !== null && exception !== DAMAGED)
        console.log(`note: ${file}: read, no exception: ${exception}`)
    }
  }
  console.log(
    `${files.length} files: ${counts.bothRead} read to the same bits, ${counts.bothRefuse} refused by both, ` +
      `${counts.exceptions} listed exceptions, ${counts.strict} damaged ones that PyTorch alone reads`,
  )
  return faults
}

/** Whether the tensors are those of the table, by name, shape and bits. */
function isSame(tensors: ReadonlyMap<string, Tensor>, table: Record<string, LoadedTensor>): boolean {
  if (Object.keys(table).length !== tensors.size) return false
  return [...tensors].every(([name, { shape, data }]) => {
    if (!Object.hasOwn(table, name) || `${table[name].shape}` !== `${shape}`) return false
    if (table[name].isHalf && data instanceof Float32Array) {
      for (let i = 0; i < data.length; i++) if (Number.isNaN(data[i])) data[i] = NaN
    }
    return createHash('sha256').update(tensorBytes(data)).digest('hex') === table[name].bytes
  })
}

/** The tensors, or what the reader says against the file. */
function read(path: string, file: string): ReadonlyMap<string, Tensor> | string {
  try {
    return readTorch(readFileSync(path), file).tensors
  } catch (error) {
    if (error instanceof FileError) return error.message
    throw error
  }
}

function writeDamaged(directory: string): CorpusFile[] {
  const targets = TARGETS.filter(({ name }) => name.endsWith('.pth'))
  return Array.from({ length: DAMAGED_FILES }, (_, i) => {
    const target = targets[i % targets.length]
    const file = `damaged ${i}.pth`
    writeFileSync(join(directory, file), mutated(target, target.seeds, createRandomSequence(7, i)))
    return { file, exception: DAMAGED }
  })
}
