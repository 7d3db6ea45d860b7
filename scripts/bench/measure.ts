/**
 * Several contestants timed in one session, one sample of each in turn, so that a machine that drifts slows
 * all of them alike: ratios within one session count for more than any single number.
 */

/** What is timed. */
export interface Contestant {
  readonly name: string
  /** Does the work so many times and returns the milliseconds that took in all. */
  run(repetitions: number): number | Promise<number>
  /** Its failure ends its own measurement only, and is reported; without this it ends the session. */
  readonly mayFail?: boolean
}

/** How long to measure. */
export interface Effort {
  /** Samples of each contestant. */
  readonly rounds: number
  /** Repetitions are chosen so that a sample takes about so long; 0 for one repetition a sample. */
  readonly sampleMilliseconds: number
  /** Each contestant runs for at least so long before its first sample; 0 where it is warm. */
  readonly warmUpMilliseconds: number
  /** After so long no further round begins, once there are `MINIMUM_ROUNDS`. */
  readonly budgetMilliseconds: number
  /**
   * Before each sample, so that a thread pool that spins for a while after its work disturbs nobody. Default
   * 0.
   */
  readonly pauseMilliseconds?: number
}

/** Milliseconds of one repetition, over the samples of a session. */
export interface Measurement {
  readonly name: string
  readonly median: number
  readonly minimum: number
  readonly maximum: number
  /** Interquartile range, relative to the median. */
  readonly spread: number
  /** Repetitions in a sample. */
  readonly repetitions: number
  readonly samples: readonly number[]
}

export interface Session {
  /** In the order of the contestants, without those that failed. */
  readonly measurements: readonly Measurement[]
  readonly failures: readonly { readonly name: string; readonly reason: string }[]
}

/** Time as `measure` sees it; tests have their own. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number
  wait(milliseconds: number): Promise<void>
}

export const MINIMUM_ROUNDS = 3
const MAXIMUM_REPETITIONS = 1_000_000
/**
 * The first runs are slow (cold caches, code being compiled), so the guess from them may not grow faster than
 * this.
 */
const LARGEST_GROWTH = 8
/** Ends the warm-up of work that takes no time the clock can see. */
const MAXIMUM_WARM_UP_RUNS = 40

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wait: (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds)),
}

interface Entrant {
  readonly contestant: Contestant
  readonly samples: number[]
  repetitions: number
  failure: string | undefined
}

/**
 * Warms every contestant up, then takes samples round by round; every other round runs backwards, so that
 * nobody always follows the same one. Rejects where a contestant that must not fail does, or reports a time
 * that is no number.
 */
export async function measure(
  contestants: readonly Contestant[],
  effort: Effort,
  clock: Clock = SYSTEM_CLOCK,
): Promise<Session> {
  const start = clock.now()
  const entrants = contestants.map(
    (contestant): Entrant => ({ contestant, samples: [], repetitions: 1, failure: undefined }),
  )
  for (const entrant of entrants) await guarded(entrant, () => warmUp(entrant, effort))
  for (let round = 0; round < effort.rounds; round++) {
    if (round >= MINIMUM_ROUNDS && clock.now() - start > effort.budgetMilliseconds) break
    for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
      await guarded(entrant, async () => {
        if (effort.pauseMilliseconds) await clock.wait(effort.pauseMilliseconds)
        entrant.samples.push((await timeOf(entrant)) / entrant.repetitions)
      })
    }
  }
  return {
    measurements: entrants.filter(({ failure }) => failure === undefined).map(summary),
    failures: entrants.flatMap(({ contestant, failure }) =>
      failure === undefined ? [] : [{ name: contestant.name, reason: failure }],
    ),
  }
}

/** A contestant out of work to do so many times. */
export function timed(
  name: string,
  work: (repetitions: number) => void | Promise<void>,
  clock: Clock = SYSTEM_CLOCK,
): Contestant {
  return {
    name,
    async run(repetitions) {
      const start = clock.now()
      await work(repetitions)
      return clock.now() - start
    },
  }
}

/** Nothing for an entrant that has failed before. */
async function guarded(entrant: Entrant, work: () => Promise<void>): Promise<void> {
  if (entrant.failure !== undefined) return
  try {
    await work()
  } catch (error) {
    if (!entrant.contestant.mayFail) throw error
    entrant.failure = error instanceof Error ? error.message : String(error)
  }
}

async function timeOf({ contestant, repetitions }: Entrant): Promise<number> {
  const milliseconds = await contestant.run(repetitions)
  if (!(milliseconds >= 0 && milliseconds < Number.POSITIVE_INFINITY)) {
    throw new Error(`internal: ${contestant.name} reported ${milliseconds} ms`)
  }
  return milliseconds
}

/**
 * Runs until the time is up, and settles how many repetitions make a sample. With neither to do, does
 * nothing.
 */
async function warmUp(entrant: Entrant, effort: Effort): Promise<void> {
  if (effort.warmUpMilliseconds === 0 && effort.sampleMilliseconds === 0) return
  let spent = 0
  for (let run = 0; run < MAXIMUM_WARM_UP_RUNS; run++) {
    const milliseconds = await timeOf(entrant)
    spent += milliseconds
    const wanted = Math.round((effort.sampleMilliseconds * entrant.repetitions) / milliseconds)
    const largest = Math.min(MAXIMUM_REPETITIONS, entrant.repetitions * LARGEST_GROWTH)
    const isSettled = wanted <= largest
    if (effort.sampleMilliseconds > 0) entrant.repetitions = Math.max(1, Math.min(wanted, largest))
    if (spent >= effort.warmUpMilliseconds && (isSettled || effort.sampleMilliseconds === 0)) return
  }
}

function summary({ contestant, samples, repetitions }: Entrant): Measurement {
  const sorted = samples.toSorted((a, b) => a - b)
  const median = quantile(sorted, 0.5)
  return {
    name: contestant.name,
    median,
    minimum: sorted[0],
    maximum: sorted[sorted.length - 1],
    spread: median > 0 ? (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / median : 0,
    repetitions,
    samples,
  }
}

/** Linear between the two neighbours, as NumPy's default (Hyndman & Fan 1996, definition 7). */
export function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1)
  const below = Math.floor(position)
  const above = Math.ceil(position)
  return sorted[below] + (position - below) * (sorted[above] - sorted[below])
}
