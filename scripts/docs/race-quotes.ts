/** What the documents quote of the comparisons with other libraries: shapes, and seconds to a test error. */
import { AS_THEY_COME, AVX2_ALONE, type PeerRow, type PeersResult } from '../bench/peers.ts'
import type { QualityResult } from '../bench/quality.ts'
import { medianSeconds, racedEntries, racerTitle } from '../bench/quality-report.ts'
import { shapeTitle } from '../bench/shapes.ts'
import { fixed, named, type Quote, read } from './quotes.ts'

/** In the order of the columns of docs/speed.md. */
const LIBRARIES = ['PyTorch (eager)', 'PyTorch (eager, fused Adam)', 'JAX (XLA)', 'TensorFlow (XLA)']

export async function raceQuotes(): Promise<Quote[]> {
  const [{ peers: avx512 }, { peers: avx2 }, { peers: busy }, { peers: many }, { quality }] =
    await Promise.all([
      read<{ peers: PeersResult }>('peers-zen5/bench.json'),
      read<{ peers: PeersResult }>('peers-epyc/bench.json'),
      read<{ peers: PeersResult }>('peers-icelake/bench.json'),
      read<{ peers: PeersResult }>('peers-16cores/bench.json'),
      read<{ quality: QualityResult }>('quality/bench.json'),
    ])
  return [
    ...[...shapeRows(avx2), ...shapeRows(avx512)].map((text) => ({ file: 'docs/speed.md', text })),
    ...['README.md', 'docs/speed.md'].map((file) => ({ file, text: `by ${leastLead(avx2)} times or more` })),
    ...['README.md', 'docs/speed.md'].map((file) => ({ file, text: `ahead in ${lead(avx512)} comparisons` })),
    { file: 'docs/speed.md', text: `Hourglass is ahead in ${lead(busy)} comparisons` },
    { file: 'docs/speed.md', text: `ahead in all, by ${leastLead(busy, AVX2_ALONE)} times or more` },
    ...manyCoreRows(many).map((text) => ({ file: 'docs/speed.md', text })),
    ...['README.md', 'docs/speed.md'].map((file) => ({ file, text: `by ${leastOf(many)} times or more` })),
    { file: 'docs/speed.md', text: `as they come, ${narrowBesideJax(many)}` },
    { file: 'docs/speed.md', text: `AVX2 alone, ${narrowBesideJax(many, AVX2_ALONE)}` },
    { file: 'docs/speed.md', text: narrowBesideJax(avx2) },
    { file: 'docs/speed.md', text: `takes ${narrowBesideJax(avx512, AVX2_ALONE)}` },
    ...qualityTexts(quality).map((text) => ({ file: 'docs/schedules.md', text })),
  ]
}

function libraryRows(rows: readonly PeerRow[]): PeerRow[] {
  return LIBRARIES.map((library) => named(rows, library, (row) => row.title))
}

/** A row for each shape: how long each library takes, as many times ours, as it comes and with AVX2 alone. */
function shapeRows({ sessions }: PeersResult): string[] {
  return [AS_THEY_COME, AVX2_ALONE].flatMap((title) =>
    sessions
      .filter((session) => session.title === title)
      .map(({ shape, rows }) => {
        const cells = libraryRows(rows).map(standing)
        return `| ${shapeTitle(shape)} | ${rows[0].time.median.toPrecision(3)} | ${cells.join(' | ')} |`
      }),
  )
}

/** One for each session: TensorFlow was not on that machine. */
function manyCoreRows({ sessions }: PeersResult): string[] {
  return sessions.map(({ shape, title, rows }) => {
    const time = (name: string) => named(rows, name, (row) => row.title).time.median.toPrecision(3)
    const names = ['Hourglass', 'Hourglass --simd 128', ...LIBRARIES.slice(0, 3)]
    return `| ${shapeTitle(shape)}, ${title === AVX2_ALONE ? 'AVX2 alone' : title} | ${names.map(time).join(' | ')} |`
  })
}

function leastOf({ sessions }: PeersResult): string {
  const others = sessions.flatMap(({ rows }) => rows.filter(({ isOurs }) => !isOurs))
  return fixed(Math.min(...others.map(({ timesOurs }) => timesOurs)), 2)
}

/** Of all libraries at all shapes, where Hourglass leads least. */
function leastLead({ sessions }: PeersResult, among?: string): string {
  const counted = sessions.filter(({ title }) => among === undefined || title === among)
  const leads = counted.flatMap(({ rows }) => libraryRows(rows))
  return fixed(Math.min(...leads.map(({ timesOurs }) => timesOurs)), 2)
}

/** `22 of 24`: comparisons with libraries as they come in which Hourglass is ahead. */
function lead({ sessions }: PeersResult): string {
  const all = sessions.filter(({ title }) => title === AS_THEY_COME).flatMap(({ rows }) => libraryRows(rows))
  return `${all.filter((row) => row.standing === 'ahead').length} of ${all.length}`
}

/** With 128 bits, at the first two shapes. */
function narrowBesideJax({ sessions }: PeersResult, among = AS_THEY_COME): string {
  const [z8, z32] = sessions
    .filter(({ title }) => title === among)
    .map(({ rows }) => {
      const times = (title: string) => named(rows, title, (row) => row.title).timesOurs
      return fixed(times('Hourglass --simd 128') / times('JAX (XLA)'), 2)
    })
  return `${z8} times as long at 8 latent units, ${z32} times at 32`
}

/** `1.36`, or `0.82, behind`. */
function standing({ timesOurs, standing: where }: PeerRow): string {
  return `${fixed(timesOurs, 2)}${where === 'ahead' ? '' : `, ${where}`}`
}

function qualityTexts(quality: QualityResult): string[] {
  const entries = racedEntries(quality)
  const rows = entries.map((entry) => {
    const { name, runs } = entry
    const seconds = runs.flatMap((run) => (run.seconds === undefined ? [] : [run.seconds]))
    const epochs = runs.map((run) => run.epochs)
    const spread = `${fixed(Math.min(...seconds), 1)} to ${fixed(Math.max(...seconds), 1)}`
    const median = medianSeconds(runs)
    const cells = [name, racerTitle(entry), `${seconds.length} of ${runs.length}`]
    const most =
      Math.min(...epochs) < Math.max(...epochs)
        ? `${Math.min(...epochs)} to ${Math.max(...epochs)}`
        : `${epochs[0]}`
    return `| ${[...cells, Number.isFinite(median) ? fixed(median, 1) : '–', spread, most].join(' | ')} |`
  })
  const medianOf = (name: string, library: string) =>
    medianSeconds(named(entries, `${name} ${library}`, (entry) => `${entry.name} ${entry.library}`).runs)
  const share = (name: string) =>
    fixed(medianOf(name, 'hourglass') / medianOf('the seed’s own', 'hourglass'), 2)
  const times = (name: string, library: string) =>
    fixed(medianOf(name, library) / medianOf(name, 'hourglass'), 1)
  return [
    ...rows,
    `takes ${share('short, ReLU')} of the time of the seed’s own with the ReLU bottleneck, ${share('short, linear')} with`,
    `the start alone ${share('the seed’s rates')}`,
    `JAX takes ${times('short, ReLU', 'jax')} and ${times('short, linear', 'jax')} times as long`,
    `PyTorch ${times('short, ReLU', 'pytorch-fused-flush')} and ${times('short, linear', 'pytorch-fused-flush')} times`,
    `takes ${times('short, ReLU', 'pytorch-fused')} times as long as Hourglass`,
  ]
}
