/** Which part of a plan an array job trains: said by a flag, or by the scheduler's own variables. */
import { UsageError } from '../errors.ts'
import { quote } from '../quote.ts'

export interface Shard {
  /** From 1 to `count`. */
  readonly index: number
  readonly count: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** How a scheduler tells a job of an array which it is. */
interface Scheduler {
  readonly name: string
  /** There where a job is one of an array. */
  readonly variable: string
  shard(environment: Environment): { readonly index: number; readonly count?: number }
}

/**
 * Sources: sbatch(1) of Slurm, "Output environment variables"; "Indexed Job" of the Kubernetes documentation,
 * which tells no count; "Job environment variables" of the AWS Batch user guide; parallel(1) of GNU parallel,
 * which tells no count.
 */
const SCHEDULERS: readonly Scheduler[] = [
  {
    name: 'Slurm',
    variable: 'SLURM_ARRAY_TASK_ID',
    shard(environment) {
      const read = (part: string) => wholeNumber(`SLURM_ARRAY_TASK_${part}`, environment)
      const [id, first, last, count] = ['ID', 'MIN', 'MAX', 'COUNT'].map(read)
      const step = count > 1 ? (last - first) / (count - 1) : 1
      const index = (id - first) / step
      // Of an array with gaps nobody can tell how many came before.
      if (Number.isInteger(step) && Number.isInteger(index)) return { index: index + 1, count }
      throw new UsageError(
        `--shard: expected an array without gaps, or i/n, found ${count} tasks from ${first} to ${last}`,
      )
    },
  },
  {
    name: 'Kubernetes',
    variable: 'JOB_COMPLETION_INDEX',
    shard: (environment) => ({ index: wholeNumber('JOB_COMPLETION_INDEX', environment) + 1 }),
  },
  {
    name: 'AWS Batch',
    variable: 'AWS_BATCH_JOB_ARRAY_INDEX',
    shard: (environment) => ({
      index: wholeNumber('AWS_BATCH_JOB_ARRAY_INDEX', environment) + 1,
      count: wholeNumber('AWS_BATCH_JOB_ARRAY_SIZE', environment),
    }),
  },
  {
    name: 'GNU parallel',
    variable: 'PARALLEL_SEQ',
    shard: (environment) => ({ index: wholeNumber('PARALLEL_SEQ', environment) }),
  },
]

function wholeNumber(name: string, environment: Environment): number {
  const text = environment[name]
  if (text !== undefined && /^\d{1,9}$/.test(text)) return Number(text)
  const found = text === undefined ? 'none' : quote(text)
  throw new UsageError(`${name}: expected a whole number from the scheduler, found ${found}`)
}

/**
 * The shard that `text` names: `3/8` is the third of eight. `auto`, or nothing, asks the scheduler; `auto/8`
 * asks it for the index alone, where it does not tell the count. Throws UsageError.
 */
export function parseShard(text: string, environment: Environment): Shard {
  const parts = /^(?:(auto|\d{1,9}))?(?:\/(\d{1,9}))?$/.exec(text)
  const [index = 'auto', count] = parts?.slice(1) ?? []
  if (parts === null || (index !== 'auto' && count === undefined)) {
    throw new UsageError(`--shard: expected i/n, auto or auto/n, found ${quote(text)}`)
  }
  const given = count === undefined ? undefined : Number(count)
  if (index !== 'auto') return checked({ index: Number(index), count: given ?? 0 })
  const { name, told } = askScheduler(environment)
  const all = given ?? told.count
  if (all === undefined) {
    throw new UsageError(
      `--shard: expected auto/n, since ${name} does not tell how many there are, found auto`,
    )
  }
  if (given !== undefined && told.count !== undefined && given !== told.count) {
    throw new UsageError(`--shard: expected the ${told.count} jobs that ${name} tells of, found ${given}`)
  }
  return checked({ index: told.index, count: all })
}

function askScheduler(environment: Environment) {
  const present = SCHEDULERS.filter(({ variable }) => environment[variable] !== undefined)
  if (present.length === 1) return { name: present[0].name, told: present[0].shard(environment) }
  const found = present.map(({ variable }) => variable).join(' and ') || 'none'
  const expected = SCHEDULERS.map(({ variable }) => variable).join(', ')
  throw new UsageError(`--shard: expected i/n, or one of the variables ${expected}, found ${found}`)
}

function checked(shard: Shard): Shard {
  const { index, count } = shard
  if (count < 1) throw new UsageError(`--shard: expected at least one part, found ${count}`)
  if (index < 1 || index > count) {
    throw new UsageError(`--shard: expected a part from 1 to ${count}, found ${index}`)
  }
  return shard
}

/** Every `count`-th: neighbours in a plan, which take about as long, go to different shards. */
export function shardOf<Item>(items: readonly Item[], { index, count }: Shard): Item[] {
  return items.filter((_, i) => i % count === index - 1)
}

/** What a shard writes its records to, beside those of the others. */
export function shardFileName({ index, count }: Shard): string {
  return `runs.${index}-of-${count}.jsonl`
}

/** Whether a file of this name holds records of a sweep, or of a shard of one. */
export function isRecordFile(name: string): boolean {
  return /^runs(\.\d+-of-\d+)?\.jsonl$/.test(name)
}
