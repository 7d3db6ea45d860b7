/**
 * Data of a visitor's own on the page: the numbers of the command line, and nothing that leaves the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runScript } from '../support/command.ts'
import { smallTable } from '../support/small-table.ts'
import {
  browserTest,
  closeBrowser,
  download,
  dropFile,
  dropFiles,
  textOf,
  trainOwn,
  waitForText,
  withPage,
} from './page.ts'

const test = suite('own data in a browser')
const root = mkdtempSync(join(tmpdir(), 'hourglass-own-page-'))
test.after(async () => {
  rmSync(root, { recursive: true, force: true })
  await closeBrowser()
})

const SOURCES = join(import.meta.dirname, '../fixtures/sources')
const TABLE = Buffer.from(smallTable(200))

async function command(script: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runScript(script, [...args, '--threads', '1'], root)
  assert.is(code, 0, stderr)
  return stdout
}

/** Chooses what a column is used for. */
async function use(page: Page, column: string, as: string): Promise<void> {
  await page.selectOption(`select[aria-label="Use of column ${column}"]`, as)
}

async function train(page: Page): Promise<void> {
  await page.click('#own-start')
  await waitForText(page, '#own-status', /^Trained/)
}

/** Cells of one column of the list, from the left. */
function cells(page: Page, column: number): Promise<string[]> {
  return page.$$eval(`#own-scores tbody td:nth-child(${column})`, (found) =>
    found.map(({ textContent }) => textContent ?? ''),
  )
}

browserTest(test, 'a table gives the weights, scores and codes of the command line, and stays here', () =>
  withPage({ query: 'threads=2' }, async ({ page, requests }) => {
    await writeFile(join(root, 'machines.csv'), TABLE)
    const data = ['--data', 'machines.csv']
    const flags = [...data, '--label', 'outlier', '--one-hot', 'site', '--exclude', 'c', '--json']
    const trained = await command('train', ...flags, '-s', 'node.safetensors')
    const { parametersSha256 } = JSON.parse(String(trained.trimEnd().split('\n').at(-1)))

    const asked: string[] = []
    page.on('request', (request) => {
      if (request.method() !== 'GET' || request.postData() !== null) asked.push(request.url())
    })
    await dropFile(page, 'machines.csv', TABLE)
    await waitForText(page, '#own-proposal', /^Proposed for 200 rows/)
    assert.ok(await page.isVisible('#panel-data'), 'the panel of data is in view')
    requests.splice(0)
    await use(page, 'outlier', 'label')
    await use(page, 'site', 'oneHot')
    await use(page, 'c', 'exclude')
    await train(page)
    assert.is(await textOf(page, '#own-sha'), parametersSha256)
    assert.match(await textOf(page, '#own-threshold'), /^20 of 200 rows .* 8 outliers: AUROC/)

    for (const [kind, name] of [
      ['safetensors', 'machines.safetensors'],
      ['checkpoint', 'machines.checkpoint.safetensors'],
    ]) {
      const file = await download(page, `[data-own-download=${kind}]`)
      assert.is(file.name, name)
      await writeFile(join(root, name), file.bytes)
      await command('score', '-l', name, ...data, '-o', `${kind}.csv`, '--no-plot')
    }
    const scores = await download(page, '[data-own-download=scores]')
    assert.is(scores.name, 'machines.scores.csv')
    const found = Buffer.from(scores.bytes).toString()
    assert.is(found, await readFile(join(root, 'safetensors.csv'), 'utf8'), 'scores of the model')
    assert.is(found, await readFile(join(root, 'checkpoint.csv'), 'utf8'), 'scores of the checkpoint')
    const codes = await download(page, '[data-own-download=codes]')
    await command('encode', '-l', 'node.safetensors', ...data, '-o', 'codes.csv')
    assert.is(Buffer.from(codes.bytes).toString(), await readFile(join(root, 'codes.csv'), 'utf8'))

    assert.equal(asked, [], 'nothing is sent')
    assert.equal(
      requests.filter((file) => !/^assets\/[\w.-]+\.(js|wasm)$|^data\/t(rain|10k)-[\w-]+\.bin$/.test(file)),
      [],
      'nothing is asked for but files of the page',
    )
  }),
)

browserTest(test, 'the list of scores is sorted by keyboard and mouse, a page at a time', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    await trainOwn(page)
    const errors = (await cells(page, 2)).map(Number)
    assert.is(errors.length, 20)
    assert.equal(
      errors,
      errors.toSorted((a, b) => b - a),
      'the greatest first',
    )
    assert.ok((await cells(page, 4)).every((verdict) => verdict === 'above'))
    // Every 25th row is an outlier.
    assert.equal((await cells(page, 5)).slice(0, 8), new Array(8).fill('1'))
    assert.match((await cells(page, 6))[0], /^b \d+ %, /)

    const sorted = (column: number, order: string) =>
      page.waitForFunction(
        ([at, wanted]) =>
          document.querySelector(`#own-scores th:nth-child(${at})`)?.getAttribute('aria-sort') === wanted,
        [column, order] as const,
      )
    await page.focus('[data-sort=row]')
    await page.keyboard.press('Enter')
    await sorted(1, 'ascending')
    assert.is((await cells(page, 1))[0], '1')
    await page.keyboard.press('Space')
    await sorted(1, 'descending')
    assert.is((await cells(page, 1))[0], '200')
    await page.click('[data-sort=error]')
    await page.click('[data-sort=error]')
    await sorted(2, 'ascending')
    for (let pages = 0; pages < 9; pages++) await page.click('#own-next')
    await waitForText(page, '#own-place', /^181 to 200 of 200$/)
    assert.is(Number((await cells(page, 2)).at(-1)), errors[0], 'the greatest last')
    assert.is(await page.getAttribute('#own-next', 'aria-disabled'), 'true')
  }),
)

browserTest(
  test,
  'what cannot be read or learned from is said in one line, and the next data are taken',
  () =>
    withPage({ query: 'panel=data', viewport: { width: 360, height: 740 } }, async ({ page }) => {
      for (const [name, content, expected] of [
        ['notes.xyz', 'a,b\n1,2\n', /^notes\.xyz: expected one of \.csv, .*found another name$/],
        ['bad.npy', 'no array', /^bad\.npy: expected /],
        ['cut.parquet', 'PAR1', /^cut\.parquet: expected /],
        ['words.csv', 'a,b\nx,y\nz,w\n', /^words\.csv: expected at least one column of numbers/],
        ['mixed.csv', 'a,b\n1,2\n3,oops\n5,6\n', /^mixed\.csv: .*b.*oops/],
      ] as const) {
        await dropFile(page, name, Buffer.from(content))
        const problem = await waitForText(page, '#own-problem', expected)
        assert.not(problem.includes('\n'))
        assert.not(await page.isVisible('#own-scored'))
      }
      // The column that is refused can be left out.
      await use(page, 'b', 'exclude')
      await waitForText(page, '#own-problem', /^$/)
      await waitForText(page, '#own-proposal', /^Proposed for 3 rows/)
      await page.fill('#own-z', '0')
      await page.click('#own-start')
      await waitForText(
        page,
        '#own-problem',
        /^Latent units: expected a whole number from 1 to 1024, found 0\.$/,
      )
      await page.fill('#own-z', '1')
      await train(page)
      assert.is(await textOf(page, '#own-problem'), '')
    }),
)

const SECOND = Buffer.from(
  `p,q\n${Array.from({ length: 40 }, (_, i) => `${(i * i) % 11},${i % 5}`).join('\n')}\n`,
)

/** That what is in use is `SECOND`, by all that the panel says and learns. */
async function expectSecond(page: Page): Promise<void> {
  await waitForText(page, '#own-description', /^second\.csv: 40 rows/)
  await waitForText(page, '#own-proposal', /^Proposed for 40 rows/)
  assert.equal(await page.locator('.own-column b').allTextContents(), ['p', 'q'])
  assert.not(await page.isVisible('#own-scored'), 'no scores of the data before')
  assert.is(await textOf(page, '#own-start'), 'Train')
  await page.fill('#own-epochs', '3')
  await train(page)
  assert.match(await textOf(page, '#own-threshold'), / of 40 rows /)
  assert.is((await download(page, '[data-own-download=scores]')).name, 'second.scores.csv')
}

browserTest(test, 'all belongs to the last data that were dropped, whichever are read first', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    await dropFiles(page, [
      ['machines.csv', Buffer.from(smallTable(20_000))],
      ['second.csv', SECOND],
    ])
    await expectSecond(page)
  }),
)

browserTest(test, 'other data end the training on those before', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    await dropFile(page, 'machines.csv', Buffer.from(smallTable(2000)))
    await waitForText(page, '#own-proposal', /^Proposed/)
    await page.fill('#own-epochs', '10000')
    await page.click('#own-start')
    await waitForText(page, '#own-status', /^Training, epoch/)
    await dropFile(page, 'second.csv', SECOND)
    await waitForText(page, '#own-description', /^second\.csv/)
    assert.not(await page.isVisible('#own-training'))
    assert.is(await textOf(page, '#own-status'), '')
    await expectSecond(page)
  }),
)

browserTest(test, 'what cannot be read leaves what was there in use', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    await trainOwn(page)
    const [status, sha256, rows] = [
      await textOf(page, '#own-status'),
      await textOf(page, '#own-sha'),
      await cells(page, 1),
    ]
    for (const [name, content, expected] of [
      ['notes.docx', 'PK', /^notes\.docx: .*found another name\. The data before stay in use\.$/],
      ['bad.npy', 'no array', /^bad\.npy: expected .*\. The data before stay in use\.$/],
    ] as const) {
      await dropFile(page, name, Buffer.from(content))
      await waitForText(page, '#own-problem', expected)
      assert.is(await textOf(page, '#own-status'), status)
      assert.match(await textOf(page, '#own-description'), /^machines\.csv/)
      assert.ok(await page.isVisible('#own-scored'))
    }
    assert.is(await textOf(page, '#own-sha'), sha256)
    assert.equal(await cells(page, 1), rows)
    assert.is((await download(page, '[data-own-download=scores]')).name, 'machines.scores.csv')

    await page.fill('#own-epochs', '10000')
    await page.click('#own-start')
    await waitForText(page, '#own-status', /^Training, epoch/)
    await dropFile(page, 'notes.docx', Buffer.from('PK'))
    await waitForText(page, '#own-problem', /^notes\.docx: /)
    await waitForText(page, '#own-status', /^Training, epoch/)
    await page.click('#own-start')
    await waitForText(page, '#own-status', /^Stopped after \d+ of 10000 epochs\.$/)
    assert.is(await textOf(page, '#own-start'), 'Go on')

    // A good file takes the place of all of it.
    await dropFile(page, 'second.csv', SECOND)
    await expectSecond(page)
    assert.is(await textOf(page, '#own-problem'), '')
  }),
)

browserTest(test, 'while other data are read, and if that never ends, those before stay in use', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    await trainOwn(page)
    // A reader that never answers.
    await page.route(/\/worker-[\w-]+\.js/, (route) =>
      route.fulfill({
        contentType: 'text/javascript',
        body: '',
        headers: { 'Cross-Origin-Embedder-Policy': 'require-corp' },
      }),
    )
    await dropFile(page, 'endless.csv', SECOND)
    await waitForText(page, '#own-status', /^Reading …$/)
    assert.ok(await page.isVisible('#own-scored'))
    await page.click('[data-sort=row]')
    await page.waitForFunction(() => document.querySelector('#own-scores td')?.textContent === '1')
    await waitForText(page, '#own-problem', /^endless\.csv: expected a file that is read within 10 s/)
    assert.match(await textOf(page, '#own-status'), /^Trained/)
    assert.is((await download(page, '[data-own-download=scores]')).name, 'machines.scores.csv')
  }),
)

browserTest(test, 'the key of the loss names what the chart has', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    await trainOwn(page)
    assert.match(await page.innerText('#own-training figcaption'), /training/)
    assert.not.match(await page.innerText('#own-training figcaption'), /held back/)
    await page.check('#own-validation')
    await waitForText(page, '#own-start', /^Train$/)
    await page.click('#own-start')
    await page.waitForFunction(() =>
      /held back/.test(document.querySelector<HTMLElement>('#own-training figcaption')?.innerText ?? ''),
    )
  }),
)

browserTest(test, 'what is said of the threshold is true of tied errors, and of one row', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    const tied = Array.from({ length: 60 }, (_, i) => `${i % 3},${(i % 3) * 2}`)
    for (const [name, rows, proposed] of [
      ['tied.csv', tied, /^Proposed for 60 rows: /],
      ['one.csv', ['1,2'], /^Proposed for 1 row: /],
    ] as const) {
      await dropFile(page, name, Buffer.from(`a,b\n${rows.join('\n')}\n`))
      await waitForText(page, '#own-description', new RegExp(`^${name}`))
      await waitForText(page, '#own-proposal', proposed)
      await page.fill('#own-epochs', '3')
      await train(page)
      assert.match(
        await textOf(page, '#own-threshold'),
        /^0 of (60 rows|1 row) lie above the threshold of [\d.e-]+, the 90 % quantile of the training rows' errors\.$/,
      )
    }
  }),
)

browserTest(test, 'training stops at a button, scores stand, and it goes on', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    await dropFile(page, 'machines.csv', Buffer.from(smallTable(2000)))
    await waitForText(page, '#own-proposal', /^Proposed/)
    await page.fill('#own-epochs', '10000')
    await page.click('#own-start')
    await waitForText(page, '#own-status', /^Training, epoch \d+ of 10000/)
    assert.is(await textOf(page, '#own-start'), 'Stop')
    await page.click('#own-start')
    await waitForText(page, '#own-status', /^Stopped after \d+ of 10000 epochs\.$/)
    assert.is(await textOf(page, '#own-start'), 'Go on')
    assert.is((await cells(page, 1)).length, 20)
    await page.fill('#own-epochs', '2')
    await page.press('#own-epochs', 'Tab')
    assert.is(await textOf(page, '#own-start'), 'Train', 'other settings begin anew')
    await train(page)
  }),
)

/** As a worker that stalls: it is never told to train. */
function loseTraining(): void {
  const post = Worker.prototype.postMessage
  Worker.prototype.postMessage = function (message: { name?: string }, ...rest: unknown[]) {
    if (message?.name !== 'train') post.call(this, message, ...(rest as []))
  }
}

browserTest(test, 'a worker that does not answer is said to, and other data begin anew', () =>
  withPage({ query: 'panel=data', initScript: loseTraining }, async ({ page }) => {
    await dropFile(page, 'machines.csv', TABLE)
    await waitForText(page, '#own-proposal', /^Proposed/)
    await page.click('#own-start')
    await waitForText(page, '#own-status', /^Starting/)
    await page.click('#own-start')
    await waitForText(page, '#own-status', /^Finishing the step/)
    await waitForText(page, '#own-status', /^No answer yet\. .* choose the data again/)
    await dropFile(page, 'others.csv', TABLE)
    await waitForText(page, '#own-description', /^others\.csv/)
    assert.is(await textOf(page, '#own-status'), '')
    assert.is(await textOf(page, '#own-start'), 'Train')
  }),
)

browserTest(test, 'a folder of pictures shows the worst beside their reconstructions', () =>
  withPage({ query: 'panel=data' }, async ({ page }) => {
    await page.setInputFiles('#own-folder', join(SOURCES, 'pictures'))
    await waitForText(page, '#own-description', /^pictures: 3 pictures, .* 2 classes$/)
    assert.not(await page.isVisible('#own-columns'))
    await page.fill('#own-epochs', '3')
    await train(page)
    assert.is(await page.locator('#own-worst li').count(), 3)
    assert.is(await page.locator('#own-worst canvas[role=img]').count(), 6)
    assert.equal((await cells(page, 5)).sort(), ['a', 'a', 'b'])
    assert.equal((await cells(page, 1)).sort(), ['a/one.png', 'a/two.png', 'b/three.png'])
  }),
)

browserTest(test, 'a visitor who brings no data loads none of what reads them', () =>
  withPage({}, async ({ requests }) => {
    assert.equal(
      requests.filter((file) => /\/(panel|worker|dropped|csv|npy|npz|parquet|papaparse)[.-]/.test(file)),
      [],
    )
  }),
)

test.run()
