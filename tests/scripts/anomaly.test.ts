/** `npm run anomaly` on made-up tables: what it finds, writes and refuses. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startCommand } from '../support/command.ts'

const directory = mkdtempSync(join(tmpdir(), 'hourglass-anomaly-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

/** Three columns on a line through space; every twentieth row leaves it, within the range of each column. */
function table(label: string): string {
  const rows = Array.from({ length: 200 }, (_, i) => {
    const t = Math.sin(i * 12.9898)
    const isOutlier = i % 20 === 7
    return [t, 2 * t + 0.05 * Math.sin(i * 78.233), isOutlier ? t : -t, isOutlier ? 1 : 0].join()
  })
  return `a,b,c,${label}\n${rows.join('\n')}\n`
}

test('rows off the line are found, where their length says nothing', async () => {
  writeFileSync(join(directory, 'line.csv'), table('outlier'))
  writeFileSync(join(directory, 'other.csv'), table('kind'))
  const { code, stderr } = await startCommand(
    'anomaly',
    ['--data', '.', '--seeds', '2', '--out', 'out', '--threads', '1'],
    directory,
  ).outcome
  assert.is(code, 0, stderr)
  assert.match(stderr, /other\.csv: passed over, as it has no column outlier/)
  const [names, ...lines] = readFileSync(join(directory, 'out/anomaly.csv'), 'utf8').trim().split('\n')
  const rows = lines.map((line) => {
    const cells = line.split(',')
    return Object.fromEntries(names.split(',').map((name, i) => [name, cells[i]]))
  })
  const auroc = (method: string) =>
    rows.filter((row) => row.method === method).map((row) => Number(row.auroc))
  // Two seeds under two protocols.
  assert.is(auroc('autoencoder').length, 4)
  assert.ok(
    auroc('autoencoder').every((value) => value > 0.9),
    `${auroc('autoencoder')}`,
  )
  assert.ok(
    auroc('length').every((value) => value < 0.7),
    `${auroc('length')}`,
  )
})

test('a column that numbers the rows is left out under both protocols', async () => {
  const folder = join(directory, 'numbered')
  mkdirSync(folder)
  const numbered = table('outlier')
    .trim()
    .split('\n')
    .map((line, i) => `${i === 0 ? 'id' : i},${line}`)
  writeFileSync(join(folder, 'with.csv'), `${numbered.join('\n')}\n`)
  writeFileSync(join(folder, 'without.csv'), table('outlier'))
  const args = ['--data', folder, '--seeds', '1', '--out', 'two', '--threads', '1']
  const { code, stderr } = await startCommand('anomaly', args, directory).outcome
  assert.is(code, 0, stderr)
  const lines = readFileSync(join(directory, 'two/anomaly.csv'), 'utf8').trim().split('\n').slice(1)
  const found = (name: string) => {
    const own = lines.map((line) => line.split(',')).filter(([table]) => table === name)
    return own.map((cells) => cells.slice(1, 6).join())
  }
  assert.ok(found('with').length > 0)
  assert.equal(found('with'), found('without'))
})

test('a folder without such a table is refused in a line', async () => {
  const { code, stderr } = await startCommand('anomaly', ['--data', '.', '--label', 'none'], directory)
    .outcome
  assert.is(code, 1)
  assert.match(stderr, /^error: .*expected tables with a column none in it, found none$/m)
})

test.run()
