/**
 * The page's device choice: the GPU through WebGPU where there is an adapter, and the CPU still where there
 * is none.
 */
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { skipTest } from '../support/skip.ts'
import {
  browserTest,
  closeBrowser,
  missingAdapter,
  missingBrowser,
  textOf,
  waitForPhase,
  withPage,
} from './page.ts'

const test = suite('the GPU in the device choice')
test.after(closeBrowser)

/**
 * Five minibatches and a partial one. A large learning rate: they must take the loss far from where it
 * starts.
 */
const RUN = 'limit=170&z=8&epochs=1&batch=32&lr=0.005&noise=0.1&seed=7&threads=1'
/** Between the engines' losses. The page shows five decimals of some 0.1: 5e-5 of it. */
const RELATIVE_TOLERANCE = 1e-3

interface Losses {
  readonly train: number
  readonly test: number
}

async function trainOn(page: Page, device: 'wasm' | 'webgpu'): Promise<Losses> {
  await page.selectOption('[name=device]', device)
  // Away from the end of the run before, which would be taken for the end of this one.
  await page.click('#reset')
  await waitForPhase(page, 'ready')
  await page.click('#start')
  await waitForPhase(page, 'finished')
  assert.match(await textOf(page, '#fact-device'), new RegExp(`^${device}, 1 thread, `))
  return {
    train: Number(await textOf(page, '#read-train')),
    test: Number(await textOf(page, '#read-test')),
  }
}

function assertClose(actual: number, expected: number, what: string): void {
  const error = Math.abs(actual - expected) / expected
  assert.ok(error <= RELATIVE_TOLERANCE, `${what}: ${actual} on the GPU, ${expected} on the CPU`)
}

async function assertTrainsOnCpu(page: Page): Promise<void> {
  const { test } = await trainOn(page, 'wasm')
  // Untrained it is 0.23.
  assert.ok(test < 0.15, `test loss ${test}`)
}

function removeWebgpu(): void {
  Reflect.deleteProperty(Navigator.prototype, 'gpu')
}

function trainsLikeCpu(): Promise<void> {
  return withPage({ query: RUN }, async ({ page }) => {
    const choices = await page.locator('[name=device] option:not([disabled])').allTextContents()
    assert.equal(choices, ['auto', 'CPU', 'GPU'])
    const gpu = await trainOn(page, 'webgpu')
    assert.match(await textOf(page, '#fact-device'), /float32 WGSL on /)
    const cpu = await trainOn(page, 'wasm')
    assert.ok(cpu.test < 0.15, `the CPU's test loss: ${cpu.test}`)
    assertClose(gpu.train, cpu.train, 'training loss')
    assertClose(gpu.test, cpu.test, 'test loss')
  })
}

function autoLeavesSoftwareAlone(): Promise<void> {
  return withPage({ query: RUN }, async ({ page }) => {
    assert.is(await page.inputValue('[name=device]'), 'auto')
    await page.click('#start')
    await waitForPhase(page, 'finished')
    assert.match(await textOf(page, '#fact-device'), /^wasm, 1 thread, /)
  })
}

function refusesWithoutAdapter(): Promise<void> {
  return withPage({ query: RUN, webgpu: false }, async ({ page }) => {
    await page.selectOption('[name=device]', 'webgpu')
    await page.click('#start')
    await waitForPhase(page, 'failed')
    const why = /^WebGPU: no adapter: no usable GPU driver was found; .* or compute on the CPU$/
    assert.match(await textOf(page, '#train-status'), why)
    assert.match(await textOf(page, '#notices .bad span'), why)
    await assertTrainsOnCpu(page)
  })
}

const noAdapter = await missingAdapter()
const OFFERED = 'the page offers the GPU, and training on it ends at the loss of the CPU'
if (noAdapter === undefined) browserTest(test, OFFERED, trainsLikeCpu)
else skipTest(test, OFFERED, noAdapter)

const AUTO = 'auto never takes a software adapter'
if (noAdapter === undefined) browserTest(test, AUTO, autoLeavesSoftwareAlone)
else skipTest(test, AUTO, noAdapter)

const REFUSED = 'without an adapter choosing the GPU says why, and the page goes on on the CPU'
const hasAdapterAnyway =
  missingBrowser() === undefined && (await missingAdapter({ webgpu: false })) === undefined
if (hasAdapterAnyway) skipTest(test, REFUSED, 'Chromium finds an adapter here without being told to')
else browserTest(test, REFUSED, refusesWithoutAdapter)

browserTest(test, 'in a browser without WebGPU the GPU cannot be chosen, and the page says why', () =>
  withPage({ query: `${RUN}&device=webgpu`, initScript: removeWebgpu }, async ({ page }) => {
    const choice = page.locator('[name=device] option[value=webgpu]')
    assert.is(await choice.textContent(), 'GPU: no WebGPU in this browser')
    assert.ok(await choice.isDisabled())
    assert.match(await textOf(page, '#notices'), /has no WebGPU: the CPU computes instead/)
    assert.is(await page.inputValue('[name=device]'), 'auto')
    await assertTrainsOnCpu(page)
  }),
)

test.run()
