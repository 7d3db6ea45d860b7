/** What a benchmark found: as text for terminal and Markdown, and as numbers for the figure. */
import { type Table, tableToMarkdown } from '../../src/experiments/table.ts'
import type { BenchFigure } from '../../src/figures/bench-figure.ts'
import type { GpuBatch, GpuResult } from './gpu.ts'
import type { InferenceResult } from './inference.ts'
import type { KernelsResult } from './kernels.ts'
import type { Machine } from './machine.ts'
import type { Measurement } from './measure.ts'
import type { PeersResult } from './peers.ts'
import { missingPeers, peersTexts, standingCharts } from './peers-report.ts'
import type { ProcessResult } from './process.ts'
import type { QualityResult } from './quality.ts'
import { qualityChart, qualityText } from './quality-report.ts'
import type { ScalingPlan, ScalingResult, StepResult, StepRow } from './step.ts'

/** Only the parts that were asked for. */
export interface BenchResult {
  readonly machine: Machine
  /** The flags it was called with. */
  readonly command: string
  readonly isQuick: boolean
  kernels?: readonly KernelsResult[]
  step?: StepResult
  scaling?: ScalingResult
  inference?: InferenceResult
  peers?: PeersResult
  process?: ProcessResult
  gpu?: GpuResult
  quality?: QualityResult
}

const TIME_COLUMNS = ['min', 'max', 'spread']
const NOTE =
  'Times are medians over interleaved repeats; min and max are over the same; spread is the interquartile range over the ' +
  'median. Everything was verified against float64 before it was timed (whole processes: by their test error).'

/** Markdown that reads well unrendered, so that it serves the terminal too. */
export function benchMarkdown(result: BenchResult): string {
  return [headText(result), ...Object.values(benchSections(result))].join('\n')
}

/** One text a part, in the order of measurement. */
export function benchSections(result: BenchResult): Partial<Record<keyof BenchResult, string>> {
  const { kernels, step, scaling, inference, peers, process, gpu, quality } = result
  return {
    ...(kernels && { kernels: kernels.map(kernelsText).join('\n') }),
    ...(step && { step: stepText(step) }),
    ...(scaling && { scaling: scalingText(scaling) }),
    ...(inference && { inference: inferenceText(inference) }),
    ...(peers && { peers: peersText(peers) }),
    ...(process && { process: processText(process) }),
    ...(gpu && { gpu: gpuText(gpu) }),
    ...(quality && { quality: qualitySection(quality) }),
  }
}

export function headText({ machine, command, isQuick }: BenchResult): string {
  const { processor, cores, memoryGiB, system, node, v8, version, date, loadAverage, isBusy } = machine
  const warnings = [
    isBusy &&
      `**Busy machine**: load average ${loadAverage.toFixed(2)} at the start; do not rely on these numbers.`,
    isQuick && '**Quick run**: few short samples; to see that all works, not to compare.',
  ].filter((line) => line !== false)
  return `# Benchmark

${processor}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${memoryGiB} GiB, ${system}
Hourglass ${version}, Node ${node}, V8 ${v8}
${date}, load average ${loadAverage.toFixed(2)}; \`${command}\`

${[...warnings, NOTE].join('\n')}
`
}

function section(title: string, ...parts: string[]): string {
  return `## ${title}\n\n${parts.filter((part) => part !== '').join('\n')}`
}

/** Median, minimum and maximum in the same unit, and the spread. */
function timeCells({ median, minimum, maximum, spread }: Measurement): string[] {
  return [...[median, minimum, maximum].map(milliseconds), percent(spread)]
}

function milliseconds(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toPrecision(3)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`
}

function times(ratio: number): string {
  return ratio.toPrecision(ratio < 100 ? 3 : 4)
}

function missingText(missing: readonly { readonly name: string; readonly reason: string }[]): string {
  return missing
    .map(({ name, reason }) => `Not measured: ${reason.startsWith(name) ? reason : `${name}: ${reason}`}\n`)
    .join('')
}

function kernelsText({ arithmetic, limitGflops, limit, rows }: KernelsResult): string {
  const table: Table = {
    columns: [
      'product',
      'rows × terms × columns',
      'method',
      'ms',
      ...TIME_COLUMNS,
      'GFLOP/s',
      'of limit',
      'useful GFLOP/s',
      'skipped',
    ],
    rows: rows.map((row) => [
      `${row.layer} ${row.phase}`,
      row.shape.join(' × '),
      row.method,
      ...timeCells(row.time),
      row.gflops.toFixed(1),
      percent(row.shareOfLimit),
      row.usefulGflops.toFixed(1),
      percent(row.skipped),
    ]),
  }
  return section(
    `Kernels, one core: ${arithmetic}`,
    `Limit of multiply-adds on registers alone: ${limitGflops.toFixed(1)} GFLOP/s (spread ${percent(limit.spread)}). ` +
      'GFLOP/s counts the multiply-adds that are done, ' +
      'useful GFLOP/s those of them that are no padding of a tile; skipped is the share of the dense product whose ' +
      'pairs are both zero.\n',
    tableToMarkdown(table),
  )
}

function stepColumns(rows: readonly StepRow[]) {
  return {
    columns: ['ms a step', ...TIME_COLUMNS, 'images/s', 'dense GFLOP/s'],
    cells: rows.map(({ time, batchSize, denseGflops }) => [
      ...timeCells(time),
      Math.round((1000 * batchSize) / time.median).toLocaleString('en-US'),
      denseGflops.toFixed(1),
    ]),
  }
}

function stepText({ rows, missing }: StepResult): string {
  const { columns, cells } = stepColumns(rows)
  const oneThread = (row: StepRow) =>
    rows.find((other) => other.threads === 1 && other.simd === row.simd)?.time.median ?? Number.NaN
  const table: Table = {
    columns: ['threads', 'SIMD', ...columns, 'times one thread', 's an epoch'],
    rows: rows.map((row, i) => [
      String(row.threads),
      row.arithmetic,
      ...cells[i],
      times(oneThread(row) / row.time.median),
      row.epoch === undefined ? '–' : (row.epoch.median / 1000).toPrecision(3),
    ]),
  }
  const what =
    'Batch 256, z 8, hidden 392: shuffle, gather, forward, backward and Adam. Dense GFLOP/s: of the multiply-adds ' +
    'that a step takes without skipping zeros.\n'
  return section('Training step', what, tableToMarkdown(table), missingText(missing))
}

const SIZE_LABELS = { batchSize: 'batch', bottleneck: 'z', hidden: 'hidden', threads: 'threads' } as const
const SCALED_SIZES: readonly (keyof ScalingPlan)[] = ['batchSize', 'bottleneck', 'hidden']

function scalingText(scaling: ScalingResult): string {
  const parts = SCALED_SIZES.map((what) => {
    const rows = scaling[what]
    const { columns, cells } = stepColumns(rows)
    return tableToMarkdown({
      columns: [SIZE_LABELS[what], ...columns],
      rows: rows.map((row, i) => [String(row[what]), ...cells[i]]),
    })
  })
  const { threads, arithmetic } = scaling.batchSize[0]
  const what = `Training step, threads: ${threads}, ${arithmetic}; batch 256, z 8, hidden 392 but for the one that varies.\n`
  return section('How the step grows', what, ...parts)
}

function inferenceText(inference: InferenceResult): string {
  const { images, threads, arithmetic, rows, trainingForwardMilliseconds } = inference
  const table: Table = {
    columns: ['what', 'ms', ...TIME_COLUMNS, 'images/s', 'times training forward'],
    rows: rows.map(({ what, time, imagesPerSecond }) => [
      what,
      ...timeCells(time),
      Math.round(imagesPerSecond).toLocaleString('en-US'),
      times(time.median / trainingForwardMilliseconds),
    ]),
  }
  const what =
    `${images.toLocaleString('en-US')} images at once, threads: ${threads}, ${arithmetic}. Training forward: steps of 256 ` +
    `with all layers frozen (gather, forward, loss) take ${milliseconds(trainingForwardMilliseconds)} ms over as many.\n`
  return section('Inference', what, tableToMarkdown(table))
}

function peersText(peers: PeersResult): string {
  const texts = peersTexts(peers, { timeColumns: TIME_COLUMNS, timeCells, times })
  return section('Peers', ...texts, missingText(missingPeers(peers)))
}

function processText({ rows, missing }: ProcessResult): string {
  const table: Table = {
    columns: [
      ...['process', 'command', 's', 'min', 'max', 'spread', 'first line (s)'],
      ...['peak memory (MiB)', 'test error'],
    ],
    rows: rows.map(({ title, command, time, startMilliseconds, peakMemoryMiB, testLoss }) => [
      title,
      `\`${command}\``,
      ...[time.median, time.minimum, time.maximum].map((ms) => (ms / 1000).toPrecision(3)),
      percent(time.spread),
      startMilliseconds === undefined ? '–' : (startMilliseconds / 1000).toPrecision(2),
      peakMemoryMiB.toFixed(0),
      testLoss.toFixed(4),
    ]),
  }
  return section(
    'Whole process',
    'From start to files written. The first line comes when training begins.\n',
    tableToMarkdown(table),
    missingText(missing),
  )
}

/** Measured in another order, which tells soonest what matters most. */
function bySize(batches: readonly GpuBatch[]): GpuBatch[] {
  return batches.toSorted((a, b) => a.hidden - b.hidden || a.batchSize - b.batchSize)
}

function gpuText({ adapter, isSoftware, batches, epoch, missing }: GpuResult): string {
  const steps: Table = {
    columns: ['hidden', 'batch', 'library', 'on', 'ms a step', ...TIME_COLUMNS, 'images/s', 'times ours'],
    rows: bySize(batches).flatMap(({ hidden, batchSize, rows }) =>
      rows.map(({ title, what, time, timesOurs }) => [
        String(hidden),
        String(batchSize),
        title,
        what,
        ...timeCells(time),
        Math.round((1000 * batchSize) / time.median).toLocaleString('en-US'),
        times(timesOurs),
      ]),
    ),
  }
  const passes = bySize(batches).map((batch) => {
    const table: Table = {
      columns: [`pass, hidden ${batch.hidden}, batch ${batch.batchSize}`, 'ms', 'GFLOP/s'],
      rows: batch.passes.map(({ name, milliseconds: ms, flops }) => [
        name,
        ms.toPrecision(3),
        flops > 0 ? (flops / (ms * 1e6)).toPrecision(3) : '–',
      ]),
    }
    const { gflops, dispatchMs, floorMs } = gpuFloor(batch)
    const sum = batch.passes.reduce((total, { milliseconds: ms }) => total + ms, 0)
    const about =
      `Sum of the passes: ${milliseconds(sum)} ms. Floor: ${milliseconds(floorMs)} ms, all products at the fastest one's ` +
      `${gflops.toPrecision(3)} GFLOP/s and ${batch.passes.length} dispatches at the quickest one's ${dispatchMs.toPrecision(3)} ms.\n`
    return `${tableToMarkdown(table)}\n${about}`
  })
  const what =
    `${adapter}${isSoftware ? ' (software: computes on the CPU)' : ''}; z 8. ` +
    `${epoch ? `One epoch of 60,000 images at hidden ${batches[0].hidden}, batch ${batches[0].batchSize} takes ${(epoch.median / 1000).toPrecision(3)} s. ` : ''}Passes are timed alone, again and again.\n`
  return section('WebGPU', what, tableToMarkdown(steps), ...passes, missingText(missing))
}

/**
 * What the passes of a step would take if every product ran as the fastest, and every dispatch cost what the
 * quickest does.
 */
function gpuFloor({ passes }: GpuBatch): { gflops: number; dispatchMs: number; floorMs: number } {
  const rate = Math.max(...passes.map(({ flops, milliseconds: ms }) => flops / ms))
  const dispatchMs = Math.min(...passes.map(({ milliseconds: ms }) => ms))
  const flops = passes.reduce((sum, pass) => sum + pass.flops, 0)
  return { gflops: rate / 1e6, dispatchMs, floorMs: flops / rate + passes.length * dispatchMs }
}

function machineText({ processor, cores, date }: Machine): string {
  return `${processor}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${date.slice(0, 10)}`
}

/** The figure's numbers; undefined where nothing was measured that it shows. */
export function benchFigure({
  machine,
  step,
  scaling,
  peers,
  gpu,
  quality,
}: BenchResult): BenchFigure | undefined {
  const standings = peers ? standingCharts(peers, machineText(machine)) : []
  const bars = bySize(gpu?.batches ?? []).map(({ hidden, batchSize, rows }) => ({
    title: `Milliseconds a step, batch ${batchSize}, hidden ${hidden}`,
    subtitle: `z 8; × of Hourglass's median on the GPU; ${gpu?.adapter}, ${machine.date.slice(0, 10)}`,
    bars: rows.map((row) => ({
      label: row.title,
      milliseconds: row.time.median,
      isOurs: row.title.startsWith('Hourglass'),
      timesOurs: row.timesOurs,
    })),
  }))
  const curve = (title: string, rows: readonly StepRow[], what: keyof typeof SIZE_LABELS) => ({
    title,
    subtitle: (Object.keys(SIZE_LABELS) as (keyof typeof SIZE_LABELS)[])
      .filter((size) => size !== what)
      .map((size) => `${SIZE_LABELS[size]} ${rows[0][size]}`)
      .join(', '),
    xTitle: SIZE_LABELS[what],
    points: rows.map((row) => ({ x: row[what], milliseconds: row.time.median })),
  })
  const curves = []
  if (scaling) {
    curves.push(
      curve('Minibatch', scaling.batchSize, 'batchSize'),
      curve('Latent units', scaling.bottleneck, 'bottleneck'),
      curve('Hidden units', scaling.hidden, 'hidden'),
    )
  }
  if (step) {
    const first = step.rows.filter(({ simd }) => simd === step.rows[0].simd)
    curves.push(curve('Threads', first, 'threads'))
  }
  const race = quality && qualityChart(quality, machineText(machine))
  const isEmpty = bars.length + curves.length + standings.length === 0 && race === undefined
  return isEmpty ? undefined : { bars, curves, standings, race }
}

function qualitySection(quality: QualityResult): string {
  const { title, what, table } = qualityText(quality)
  return section(title, what, table, missingText(quality.missing))
}
