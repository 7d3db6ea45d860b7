/**
 * Numbers of `results/` that the documents quote: what each of them must say, so that a number that drifted
 * is found.
 */
import { median } from '../../src/experiments/anomaly-report.ts'
import { formatSpread, type Spread, spreadOf } from '../../src/experiments/table.ts'
import { fixed, named, type Quote, read, textOf } from './quotes.ts'
import { raceQuotes } from './race-quotes.ts'

/** What is read here of the files, which are the project's own. */
interface Quality {
  readonly mse: number
  readonly psnr: number
  readonly ssim: number
}

interface Noisy {
  readonly denoised: Quality
  readonly gain: number
}

interface Evaluated {
  readonly reconstruction: Quality
  readonly activeLatentUnits: number
  readonly clipped: Noisy & { readonly noisy: Quality }
  readonly unclipped: Noisy & { readonly noisy: Quality }
}

interface Swept {
  readonly settings: { readonly bottleneck: number }
  readonly measures: {
    readonly reconstruction: Quality
    readonly denoising: readonly {
      readonly sigma: number
      readonly clipped: boolean
      readonly gain: number
    }[]
    readonly activeUnits: number
  }
}

interface Timed {
  readonly title: string
  readonly time: { readonly median: number }
}

interface Bench {
  readonly peers: { readonly sessions: readonly { readonly rows: readonly Timed[] }[] }
  readonly process: { readonly rows: readonly (Timed & { readonly peakMemoryMiB: number })[] }
  readonly step: {
    readonly rows: readonly (Timed & {
      readonly threads: number
      readonly simd: string
      readonly epoch?: { readonly median: number }
    })[]
  }
}

interface GpuBench {
  readonly gpu: {
    readonly batches: readonly {
      readonly hidden: number
      readonly batchSize: number
      readonly rows: readonly Timed[]
    }[]
  }
}

interface Outliers {
  readonly baselines: readonly Baseline[]
  readonly tables: readonly {
    readonly table: string
    readonly protocol: string
    readonly found: { readonly autoencoder: { readonly auroc: { readonly mean: number } } }
    readonly seconds: { readonly train: number }
  }[]
}

interface Baseline {
  readonly method: string
  readonly table: string
  readonly protocol: string
  readonly auroc: number
  readonly seconds: number
}

interface Applications {
  readonly latent: { readonly accuracies: readonly { readonly space: string; readonly accuracy: number }[] }
  readonly anomaly: {
    readonly leftOut: readonly { readonly auroc: number }[]
    readonly offDistribution: readonly { readonly name: string; readonly auroc: number }[]
  }
  readonly generate: {
    readonly judgements: readonly {
      readonly name: string
      readonly confidentShare: number
      readonly nearestDistance: number
    }[]
  }
  readonly pretrain: {
    readonly cells: readonly { readonly start: string; readonly labels: number; readonly spread: Spread }[]
  }
  readonly denoise: {
    readonly methods: readonly {
      readonly name: string
      readonly levels: readonly { readonly sigma: number; readonly psnrGain: number }[]
    }[]
  }
}

async function readRuns(folder: string): Promise<Swept[]> {
  const text = await textOf(`results/${folder}/runs.jsonl`)
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Swept)
}

const INSIGHTS = 'docs/insights.md'
const RESULTS = 'results/README.md'

const signed = (value: number, digits: number) => `${value < 0 ? '' : '+'}${fixed(value, digits)}`
const percent = (share: number, digits: number) => fixed(100 * share, digits)
const mean = (values: readonly number[]) => spreadOf(values).mean

const titled = <Item extends { title: string }>(items: readonly Item[], title: string) =>
  named(items, title, (item) => item.title)

async function modelQuotes(): Promise<Quote[]> {
  const [plain, noisy] = await Promise.all([
    read<Evaluated>('evaluation.json'),
    read<Evaluated>('denoising/evaluation.json'),
  ])
  const { reconstruction: clean, clipped, unclipped } = plain
  const row = (name: string, one: Quality, other: Quality) =>
    `| ${name} | ${[one, other].map(({ mse, psnr, ssim }) => `${fixed(mse, 6)} | ${fixed(psnr, 2)} | ${fixed(ssim, 4)}`).join(' | ')} |`
  const gain = (of: Evaluated) =>
    `| gain | | ${signed(of.clipped.gain, 2)} | | | ${signed(of.unclipped.gain, 2)} | |`
  return [
    {
      file: INSIGHTS,
      text: `test error of ${fixed(clean.mse, 5)} per pixel, with all ${plain.activeLatentUnits} latent units`,
    },
    { file: INSIGHTS, text: `takes away ${fixed(unclipped.gain, 1)} dB of noise` },
    { file: INSIGHTS, text: `adds ${fixed(-clipped.gain, 1)} dB of error` },
    { file: INSIGHTS, text: `cuts that loss to ${fixed(-noisy.clipped.gain, 1)} dB` },
    {
      file: INSIGHTS,
      text: `costs clean images ${fixed(clean.psnr - noisy.reconstruction.psnr, 1)} dB`,
    },
    {
      file: RESULTS,
      text: `Test MSE ${fixed(clean.mse, 5)} (${fixed(clean.psnr, 2)} dB, SSIM ${fixed(clean.ssim, 4)}); all ${plain.activeLatentUnits} latent units`,
    },
    { file: RESULTS, text: row('noisy against clean', clipped.noisy, unclipped.noisy) },
    { file: RESULTS, text: row('denoised against clean', clipped.denoised, unclipped.denoised) },
    { file: RESULTS, text: gain(plain) },
    {
      file: RESULTS,
      text: `clean images ${fixed(noisy.reconstruction.mse, 5)}; ${noisy.activeLatentUnits} of 8 units are active`,
    },
    {
      file: RESULTS,
      text: row('denoised against clean', noisy.clipped.denoised, noisy.unclipped.denoised),
    },
    { file: RESULTS, text: gain(noisy) },
  ]
}

/** Runs of one bottleneck, smallest first. */
function byBottleneck(runs: readonly Swept[]): [number, Swept[]][] {
  const groups = Map.groupBy(runs, ({ settings }) => settings.bottleneck)
  return [...groups].toSorted(([a], [b]) => a - b)
}

async function sweepQuotes(): Promise<Quote[]> {
  const folders = ['sweep', 'sweep-identity', 'sweep-noise', 'sweep-short']
  const [relu, identity, noise, short] = await Promise.all(folders.map(readRuns))
  const gains = (runs: readonly Swept[], isClipped: boolean) => {
    const values = runs.map(
      ({ measures }) =>
        named(measures.denoising, `0.2 ${isClipped}`, ({ sigma, clipped }) => `${sigma} ${clipped}`).gain,
    )
    return formatSpread(spreadOf(values), 2).replace('-', '−')
  }
  const errors = (runs: readonly Swept[]) => runs.map(({ measures }) => measures.reconstruction.mse)
  const rows = byBottleneck(relu).map(([z, runs]) => {
    const qualities = runs.map(({ measures }) => measures.reconstruction)
    const cells = [
      String(z),
      formatSpread(spreadOf(errors(runs)), 5),
      fixed(mean(qualities.map(({ psnr }) => psnr)), 2),
      fixed(mean(qualities.map(({ ssim }) => ssim)), 2),
      gains(runs, true),
      gains(runs, false),
      fixed(mean(runs.map(({ measures }) => measures.activeUnits)), 1),
    ]
    return { file: INSIGHTS, text: `| ${cells.join(' | ')} |` }
  })
  const withRelu = new Map(byBottleneck(relu))
  const ends = byBottleneck(identity).map(([z, runs]) => {
    const error = mean(errors(runs))
    return { error, less: 1 - error / mean(errors(withRelu.get(z) ?? [])) }
  })
  const shortRows = byBottleneck(short).map(([z, runs]) => {
    const cells = [withRelu.get(z) ?? [], runs].map((each) => formatSpread(spreadOf(errors(each)), 5))
    return { file: 'docs/schedules.md', text: `| ${[z, ...cells].join(' | ')} |` }
  })
  const list = (texts: readonly string[]) => `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`
  const [least, most] = [
    list(ends.map(({ error }) => fixed(error, 5))),
    list(ends.map(({ less }) => percent(less, 0))),
  ]
  const active = formatSpread(spreadOf(noise.map(({ measures }) => measures.activeUnits)), 1)
  const kept = `${active} of 8 units stay active, and the gain is ${gains(noise, true)} dB`
  return [
    ...rows,
    ...shortRows,
    { file: INSIGHTS, text: kept },
    { file: INSIGHTS, text: `ends at ${least}: ${most} % less error` },
  ]
}

async function applicationQuotes(): Promise<Quote[]> {
  const of = <Name extends keyof Applications>(name: Name) =>
    read<Applications[Name]>(`applications/${name}.json`)
  const [latent, anomaly, generate, pretrain, denoise] = await Promise.all([
    of('latent'),
    of('anomaly'),
    of('generate'),
    of('pretrain'),
    of('denoise'),
  ])
  const accuracy = (space: string) => percent(named(latent.accuracies, space, (one) => one.space).accuracy, 1)
  const unlike = (name: string, digits: number) =>
    fixed(named(anomaly.offDistribution, name, (one) => one.name).auroc, digits)
  const leftOut = (digit: number) => fixed(anomaly.leftOut[digit].auroc, 2)
  const judged = (name: string) => named(generate.judgements, name, (one) => one.name)
  const confident = (name: string) => percent(judged(name).confidentShare, 0)
  const right = (start: string, labels: number) => {
    const { spread } = named(pretrain.cells, `${start} ${labels}`, (one) => `${one.start} ${one.labels}`)
    return { mean: 100 * spread.mean, deviation: 100 * spread.standardDeviation }
  }
  const level = (name: string, sigma: number) =>
    named(named(denoise.methods, name, (one) => one.name).levels, String(sigma), (one) => String(one.sigma))
      .psnrGain
  const [frozen, scratch] = [right('encoder, frozen', 100), right('from scratch', 100)]
  const trained = 'autoencoder trained with noise'
  const texts = [
    `${accuracy('latent codes')} % correctly from 8 codes, ${accuracy('PCA of the pixels')} % from 8 principal components of the pixels, and ${accuracy('pixels')} % from all`,
    `uniform noise and inverted digits (AUROC ${unlike('uniform noise', 3)})`,
    `shuffled pixels (${unlike('shuffled pixels', 4)})`,
    `turned by 90° (${unlike('rotated by 90°', 3)})`,
    `${leftOut(2)} for the 2 and ${leftOut(0)} for the 0, but ${leftOut(9)} for the 9`,
    `and ${leftOut(1)} for the 1`,
    `recognizes ${confident('mixture of 30 Gaussians')} % with a confidence of at least 0.9, against ${confident('test images, reconstructed')} % for reconstructions of real test digits and ${confident('test images')} % for the digits themselves; from a single Gaussian it is ${confident('one Gaussian')} %`,
    `(${fixed(judged('mixture of 30 Gaussians').nearestDistance, 3)} against ${fixed(judged('test images, reconstructed').nearestDistance, 3)} per pixel)`,
    `by ${fixed(frozen.mean - scratch.mean, 0)} points (${fixed(frozen.mean, 1)} ± ${fixed(frozen.deviation, 1)} against ${fixed(scratch.mean, 1)} ± ${fixed(scratch.deviation, 1)} %)`,
    `the frozen one stays at ${fixed(right('encoder, frozen', 60_000).mean, 0)} %`,
    `up to ${fixed(level(trained, 0.8), 1)} dB at 0.8`,
    `(${fixed(level('median filter', 0.2), 1)} dB at 0.2, against ${fixed(level(trained, 0.2), 1)})`,
  ]
  return texts.map((text) => ({ file: INSIGHTS, text }))
}

/** Names of the libraries in the tables of README and docs/speed.md, by their names in the benchmark. */
const PEERS = {
  'PyTorch (eager)': 'PyTorch 2.13, eager',
  'PyTorch (eager, fused Adam)': 'PyTorch 2.13, eager, fused Adam',
  'JAX (XLA)': 'JAX 0.10 (XLA)',
  'TensorFlow (XLA)': 'TensorFlow 2.21 (XLA)',
} as const

const SPEED = 'docs/speed.md'

async function speedQuotes(): Promise<Quote[]> {
  const [bench, { gpu }, { gpu: besideJax }] = await Promise.all([
    read<Bench>('bench.json'),
    read<GpuBench>('webgpu.json'),
    read<GpuBench>('webgpu-jax.json'),
  ])
  const time = (session: number, title: string) =>
    titled(bench.peers.sessions[session].rows, title).time.median
  const both = [0, 1] as const
  const rows = Object.entries(PEERS).map(([title, name]) => {
    const cells = both.map((i) => {
      const milliseconds = time(i, title)
      return `${fixed(milliseconds, 2)} | ${fixed(milliseconds / time(i, 'Hourglass'), 2)} ×`
    })
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const [ours, oursAtAvx2] = both.map((i) => fixed(time(i, 'Hourglass'), 2))
  const narrow = both.map((i) => fixed(time(i, 'Hourglass --simd 128'), 2))
  const step = (threads: number) =>
    named(bench.step.rows, `${threads} auto`, (row) => `${row.threads} ${row.simd}`)
  const [own, pytorch] = bench.process.rows
  const process = ({ time: { median }, peakMemoryMiB }: typeof own) =>
    `${fixed(median / 1000, 2)} s and ${fixed(peakMemoryMiB, 0)} MiB`
  const onGpu = (batchSize: number, title: string, { batches } = gpu) => {
    const { rows: timed } = named(batches, `392 ${batchSize}`, (one) => `${one.hidden} ${one.batchSize}`)
    return titled(timed, title).time.median
  }
  const jaxSession = (batchSize: number, title: string) => onGpu(batchSize, title, besideJax)
  const [gpuOurs, jaxCall, jaxScan] = [
    'Hourglass (WebGPU)',
    'JAX (XLA, CUDA)',
    'JAX (XLA, 64 steps a call, CUDA)',
  ]
  const jaxRow = (batchSize: number) =>
    [gpuOurs, 'Hourglass (CPU)', jaxCall, jaxScan, 'PyTorch (the step as a CUDA graph, fused Adam)']
      .map((title) => jaxSession(batchSize, title).toPrecision(3))
      .join(' | ')
  const graph = 'PyTorch (the step as a CUDA graph, fused Adam)'
  /** How many times as long as the first the second takes, both of one session. */
  const times = (session: number, one: string, other: string, digits = 2) =>
    fixed(time(session, other) / time(session, one), digits)
  const as128 = 'Hourglass --simd 128'
  const far = (title: string, digits: number) =>
    `${time(0, title).toPrecision(3)} | ${times(0, 'Hourglass', title, digits)} × | | |`
  const texts = [
    `| **Hourglass**, Node 26, 256-bit | **${ours}** | | **${oursAtAvx2}** | |`,
    `| Hourglass, \`--simd 128\`, as in a browser | ${narrow[0]} | | ${narrow[1]} | |`,
    `An epoch takes ${fixed((step(2).epoch?.median ?? Number.NaN) / 1000, 2)} s. Two threads do ${fixed(step(1).time.median / step(2).time.median, 2)} times`,
    `AVX2 (${times(1, as128, 'PyTorch (eager)')} times in eager mode, ${times(1, as128, 'PyTorch (eager, fused Adam)')} times with fused Adam)`,
    `slower than JAX by ${percent(time(1, as128) / time(1, 'JAX (XLA)') - 1, 0)} %`,
    ...['JAX (XLA)', 'PyTorch (eager, fused Adam)'].map(
      (peer) => `JAX and PyTorch with fused Adam are ${times(0, peer, as128)} times as fast`,
    ),
    `| jax-js 0.1.25 (WASM) | ${far('jax-js (WASM)', 1)}`,
    `it has no more in Node) | ${far('tfjs (WASM)', 0)}`,
    `takes ${process(own)}`,
    `PyTorch's takes ${process(pytorch)}`,
    `a step takes ${fixed(onGpu(256, 'Hourglass (WebGPU)'), 2)} ms at batch 256 and ${fixed(onGpu(4096, 'Hourglass (WebGPU)'), 1)} ms at 4096`,
    `eager mode takes ${fixed(onGpu(256, 'PyTorch (eager, CUDA)'), 1)} ms`,
    `CUDA graph ${fixed(onGpu(256, graph), 2)} and ${fixed(onGpu(4096, graph), 2)} ms`,
    `takes ${fixed(jaxSession(256, jaxCall), 2)} ms at 256 with a call for each step, and ${fixed(jaxSession(256, jaxScan), 2)} with 64 steps in one program, where ours takes ${fixed(jaxSession(256, gpuOurs), 2)}`,
    `${fixed(jaxSession(64, jaxScan), 3)} to our ${fixed(jaxSession(64, gpuOurs), 3)} ms`,
    ...rows,
  ]
  return [
    ...[64, 256].map((size) => ({ file: 'results/webgpu.md', text: `| 392 | ${size} | ${jaxRow(size)} |` })),
    ...texts.map((text) => ({ file: SPEED, text })),
    ...rows.map((text) => ({ file: 'README.md', text })),
    { file: 'README.md', text: `| **Hourglass**, Node 26 | **${ours}** | | **${oursAtAvx2}** | |` },
    {
      file: 'README.md',
      text: `finds ${fixed(onGpu(256, 'Hourglass (WebGPU)'), 2)} ms a step with WebGPU and ${fixed(onGpu(256, 'PyTorch (eager, CUDA)'), 1)} ms`,
    },
    { file: 'docs/library.md', text: `(${ours} ms instead of ${narrow[0]}` },
  ]
}

/** Of the comparison in docs/tools.md. */
const PUBLIC_TABLES = ['breastw', 'digits', 'glass', 'ionosphere', 'letter', 'shuttle']

async function outlierQuotes(): Promise<Quote[]> {
  const { tables, baselines } = await read<Outliers>('anomaly/anomaly.json')
  const protocols = ['unsupervised', 'semi-supervised'] as const
  const key = ({ table, protocol }: { table: string; protocol: string }) => `${table} ${protocol}`
  const ours = (table: string, protocol: string) =>
    named(tables, `${table} ${protocol}`, key).found.autoencoder.auroc.mean
  const theirs = (method: string, table: string, protocol: string) =>
    named(baselines, `${method} ${table} ${protocol}`, (one) => `${one.method} ${key(one)}`)
  const pyod = (table: string, protocol: string) => theirs('PyOD AutoEncoder', table, protocol)
  const means = (of: (table: string, protocol: string) => number) =>
    protocols.map((protocol) => fixed(mean(PUBLIC_TABLES.map((table) => of(table, protocol))), 3)).join(' | ')
  const pair = (table: string, protocol: string, method: string) =>
    `(${fixed(ours(table, protocol), 3)} against ${fixed(theirs(method, table, protocol).auroc, 3)})`
  const texts = [
    `| Hourglass | ${means(ours)} |`,
    `| PyOD 3.6.5 AutoEncoder | ${means((table, protocol) => pyod(table, protocol).auroc)} |`,
    `Isolation Forest on breastw ${pair('breastw', 'unsupervised', 'Isolation Forest')}`,
    `when only inliers are trained on ${pair('mixed', 'semi-supervised', 'PyOD AutoEncoder')}`,
  ]
  return [...texts, ...(await pyodTexts())].map((text) => ({ file: 'docs/tools.md', text }))
}

/** Of the table that scripts/peers/pyod.ts writes. */
async function pyodTexts(): Promise<string[]> {
  const lines = (await textOf('results/anomaly/pyod.md')).split('\n').filter((line) => line.startsWith('|'))
  const rows = lines.map((line) => line.split('|').map((cell) => cell.trim()))
  const cell = (table: string, program: string, column: string) =>
    named(rows, `${table} ${program}`, (row) => `${row[1]} ${row[2]}`)[rows[0].indexOf(column)]
  const names = [...new Set(rows.slice(2).map((row) => row[1]))]
  const factor = (table: string, column: string) => Number.parseFloat(cell(table, 'Hourglass', column))
  const trio = (column: string) => {
    const middle = median(names.map((table) => factor(table, column)))
    return [factor('shuttle', column), middle, factor('glass', column)].map((value) => fixed(value, 1))
  }
  const [train, all] = [trio('train'), trio('all')]
  const seconds = ['PyOD', 'Hourglass'].map((program) => cell('shuttle', program, 'train (s)'))
  return [
    `PyOD trains ${train[0]} times as long (${seconds[0]} s against ${seconds[1]}), on the median table ${train[1]} times`,
    `ten times as many steps, ${train[2]} times`,
    `it takes ${all[0]}, ${all[1]} and ${all[2]} times as long`,
  ]
}

/** All of them. */
export async function quotedNumbers(): Promise<Quote[]> {
  const parts = [
    modelQuotes(),
    sweepQuotes(),
    applicationQuotes(),
    speedQuotes(),
    raceQuotes(),
    outlierQuotes(),
  ]
  return (await Promise.all(parts)).flat()
}

/** A line for each quote that its document does not have. */
export async function driftedNumbers(): Promise<string[]> {
  const quotes = await quotedNumbers()
  const files = [...new Set(quotes.map(({ file }) => file))]
  const onOneLine = (text: string) => text.replaceAll(/\s+/g, ' ')
  const texts = new Map(
    await Promise.all(files.map(async (file) => [file, onOneLine(await textOf(file))] as const)),
  )
  return quotes
    .filter(({ file, text }) => !texts.get(file)?.includes(text))
    .map(({ file, text }) => `${file}: expected “${text}”, as results/ has it, found something else`)
}
