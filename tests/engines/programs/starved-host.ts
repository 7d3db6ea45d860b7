/**
 * A program that uses the library within try and catch, for tests to starve of files, processes or a whole
 * core. Says in one line of JSON what it caught, what nobody caught, and what is left running in it.
 *
 *   node starved-host.ts THREADS [FOLDER OF THE SOURCES]
 */
import { pathToFileURL } from 'node:url'

const [threads, source = new URL('../../../src', import.meta.url).pathname] = process.argv.slice(2)
const uncaught: string[] = []
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => uncaught.push(String(error)))
}
const load = (file: string) => import(pathToFileURL(`${source}/${file}`).href)
const { createEngine } = (await load('engines/create.ts')) as typeof import('../../../src/engines/create.ts')
const network = {
  layers: [
    { name: 'fc1', inputs: 20, outputs: 4, activation: 'relu' },
    { name: 'fc2', inputs: 4, outputs: 20, activation: 'sigmoid' },
  ],
  loss: 'mse',
  codeLayer: 0,
} as const
const outcomes: string[] = []
for (let attempt = 0; attempt < 2; attempt++) {
  try {
    const engine = await createEngine(network, { device: 'cpu', threads: Number(threads) })
    await engine.forward(new Uint8Array(40))
    await engine.dispose()
    outcomes.push('computed')
  } catch (error) {
    outcomes.push(String(error))
  }
}
// What fails late, on nobody's behalf, fails by now.
await new Promise((resolve) => setTimeout(resolve, 200))
const left = process.getActiveResourcesInfo().filter((name) => !/TTY|Pipe|FileHandle|CloseReq/.test(name))
console.log(JSON.stringify({ outcomes, uncaught, left }))
