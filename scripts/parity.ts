/** `npm run parity -- FILE.json`: replays a PyTorch trajectory and compares where it ends. */
import { loadDataset, readFileText } from '../src/data/node-files.ts'
import { createEngine } from '../src/engines/create.ts'
import type { ParityReport } from '../src/training/parity.ts'
import { compareWithTrajectory, parseTrajectory, trajectoryRows } from '../src/training/parity.ts'
import { commandLine, dataOption, engineOptions, jsonOption, runCommand } from './cli.ts'

const EXIT_DISAGREES = 1

async function main(args: string[]): Promise<number | undefined> {
  const flags = await commandLine('npm run parity -- FILE.json [flags]', args, ['FILE.json'])
    .options({ ...engineOptions, data: dataOption, json: jsonOption })
    .parseAsync()
  const file = String(flags._[0])
  const trajectory = parseTrajectory(await readFileText(file), file)
  const rows = trajectoryRows(trajectory) ?? (await loadDataset(flags.data)).train.rows
  const engine = await createEngine(trajectory.network, flags)
  try {
    const report = await compareWithTrajectory(engine, trajectory, rows)
    const { device, threads, arithmetic } = engine.info
    if (flags.json) {
      console.log(JSON.stringify({ file, device, threads, arithmetic, ...report }))
    } else {
      console.log(`${file}: ${trajectory.steps} steps of ${trajectory.batch} rows`)
      console.log(`${device}, threads: ${threads}, ${arithmetic}\n`)
      for (const line of table(report)) console.log(line)
    }
    return report.passed ? 0 : EXIT_DISAGREES
  } finally {
    await engine.dispose()
  }
}

/** Errors are relative: of the sampled entries, of the whole tensor's norm, of its sum. */
function table({ tensors, lossError, lossTolerance, passed }: ParityReport): string[] {
  const row = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(11) : cell.padStart(10))).join(' ')
  const rows = tensors.map(({ name, relativeError, pytorchError, tolerance, l2Error, sumError, passed }) =>
    row([
      name,
      ...[relativeError, pytorchError, tolerance, l2Error, sumError].map(scientific),
      passed ? 'ok' : 'FAIL',
    ]),
  )
  const isLossWithin = lossError <= lossTolerance
  return [
    row(['tensor', 'error', 'PyTorch', 'limit', 'l2 error', 'sum error', '']),
    ...rows,
    row([
      'losses',
      scientific(lossError),
      '',
      scientific(lossTolerance),
      '',
      '',
      isLossWithin ? 'ok' : 'FAIL',
    ]),
    '',
    passed ? 'Agrees with PyTorch' : 'Disagrees with PyTorch',
  ]
}

function scientific(value: number): string {
  return value.toExponential(2)
}

await runCommand(main, { printsResult: true })
