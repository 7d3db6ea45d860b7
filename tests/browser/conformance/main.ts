/**
 * Runs what Node's tests check about engines inside a browser, one test at a time, as `conformance.test.ts`
 * asks.
 */
import type { Engine } from '../../../src/engines/engine.ts'
import { createWasmBrowserEngine } from '../../../src/engines/wasm/browser.ts'
import { createWebgpuBrowserEngine } from '../../../src/engines/webgpu/browser.ts'
import type { Network } from '../../../src/model/network.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import type { ParityReport } from '../../../src/training/parity.ts'
import { compareWithTrajectory, parseTrajectory, trajectoryRows } from '../../../src/training/parity.ts'
import type { TestSuite } from '../../engines/conformance/suite.ts'
import { conformance } from '../../engines/conformance.ts'

const ENGINES = {
  /**
   * As many workers as do not divide the shapes; one, whatever is asked for, where the page is not isolated.
   */
  wasm: (network: Network): Promise<Engine> => createWasmBrowserEngine(network, { threads: 3 }),
  'wasm-plain': (network: Network): Promise<Engine> =>
    createWasmBrowserEngine(network, { threads: 2, simd: 'plain' }),
  webgpu: (network: Network): Promise<Engine> => createWebgpuBrowserEngine(network),
}

export type EngineName = keyof typeof ENGINES

/** What the page offers to `conformance.test.ts`, as `globalThis.hourglassTests`. */
export interface PageTests {
  /** Registers the conformance suite of an engine; returns what `runTest` takes. */
  register(engine: EngineName, isBrief: boolean): string[]
  /** Runs one of the registered tests; returns why it failed, or undefined. */
  runTest(name: string): Promise<string | undefined>
  /** `info` of an engine. */
  describe(engine: EngineName): Promise<Engine['info']>
  /** Replays a trajectory file on images from `imagesUrl`, (n, 784) bytes. */
  parity(engine: EngineName, trajectory: string, imagesUrl: string): Promise<ParityReport>
}

const tests = new Map<string, () => Promise<void>>()

/** Keeps the tests of a suite instead of running them. */
function collectTests(): TestSuite {
  const collect = (name: string, run: () => Promise<void>) => {
    if (tests.has(name)) throw new Error(`two tests are called ${name}`)
    tests.set(name, run)
  }
  // What the tests share is freed with the page.
  return Object.assign(collect, { after: () => {}, run: () => {} })
}

/** One of uvu's assertions says in `details` what differs. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${error}`
  const { details } = error as { readonly details?: unknown }
  return typeof details === 'string' ? `${error.message}\n${details}` : `${error.name}: ${error.message}`
}

const hourglassTests: PageTests = {
  register(engine, isBrief) {
    conformance(engine, ENGINES[engine], { createSuite: collectTests, isBrief })
    return [...tests.keys()]
  },

  async runTest(name) {
    const run = tests.get(name)
    if (!run) return `no test is called ${name}`
    try {
      await run()
      return undefined
    } catch (error) {
      return describeFailure(error)
    }
  },

  async describe(name) {
    const engine = await ENGINES[name](hourglass({ input: 4, hidden: 3, bottleneck: 2 }))
    const { info } = engine
    await engine.dispose()
    return { ...info }
  },

  async parity(name, text, imagesUrl) {
    const trajectory = parseTrajectory(text, 'trajectory')
    const images = new Uint8Array(await (await fetch(imagesUrl)).arrayBuffer())
    const engine = await ENGINES[name](trajectory.network)
    try {
      return await compareWithTrajectory(engine, trajectory, trajectoryRows(trajectory) ?? images)
    } finally {
      await engine.dispose()
    }
  },
}

Object.assign(globalThis, { hourglassTests })
