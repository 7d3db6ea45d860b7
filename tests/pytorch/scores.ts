/** Scores of a table by the command, and by its exported chain in ONNX Runtime (onnx_scores.py). */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runScript } from '../support/command.ts'
import { smallTable } from '../support/small-table.ts'

const TOLERANCE = 1e-5
const ROWS = 200

interface Found {
  readonly rows: number
  readonly difference: number
  readonly verdicts: number
}

/** @returns 1 where ONNX Runtime finds other scores, else 0 */
export async function checkOnnxScores(python: string): Promise<number> {
  if (spawnSync(python, ['-c', 'import onnxruntime, pandas']).status !== 0) {
    console.log(`SKIPPED: scores of ONNX: ${python} has no onnxruntime or no pandas`)
    return 0
  }
  const directory = mkdtempSync(join(tmpdir(), 'hourglass-onnx-scores-'))
  try {
    writeFileSync(join(directory, 'table.csv'), smallTable(ROWS))
    const flags = ['--label', 'outlier', '--one-hot', 'site', '-s', 'm.pth']
    for (const [script, ...args] of [
      ['train', '--data', 'table.csv', ...flags],
      ['score', '-l', 'm.pth', '--data', 'table.csv', '--no-plot'],
      ['export', '-l', 'm.pth', '--onnx', 'score.onnx', '--part', 'score'],
    ]) {
      const { code, stderr } = await runScript(script, args, directory)
      if (code !== 0) throw new Error(`${script}: ${stderr}`)
    }
    const script = fileURLToPath(new URL('onnx_scores.py', import.meta.url))
    const { status, stdout, stderr } = spawnSync(python, [script, directory], { encoding: 'utf8' })
    if (status !== 0) {
      console.log(`FAIL scores of ONNX: ${stderr}`)
      return 1
    }
    const { rows, difference, verdicts } = JSON.parse(stdout) as Found
    const isGood = rows === ROWS && difference <= TOLERANCE && verdicts === 0
    const found = `${rows} rows, difference ${difference.toExponential(1)}, ${verdicts} other verdicts`
    console.log(`${isGood ? 'ok  ' : 'FAIL'} scores of ONNX in ONNX Runtime: ${found}`)
    return isGood ? 0 : 1
  } finally {
    rmSync(directory, { recursive: true })
  }
}
