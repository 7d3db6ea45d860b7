/** Preloaded into a peer's Node in place of the real peer; `FAKE_PEER` says how it behaves. */
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const behaviour = process.env.FAKE_PEER
if (behaviour === 'uninstalled') {
  const { serve } = await import('../../scripts/peers/protocol.mjs')
  await serve(() => import('no-such-package'))
}

function send(message) {
  process.stdout.write(typeof message === 'string' ? `${message}\n` : `${JSON.stringify(message)}\n`)
}

const LOSSES = { agrees: [0.5, 0.25], differs: [0.5, 0.2501], nan: [0.5, 'NaN'], long: [0.5, 0.25, 0.125] }
const ready = { version: '1', runtime: 'fake', threads: 1 }

let race

/** What `begin` said, as times and losses that a test can tell; no number where there are no rates. */
function epoch({ rates }) {
  const error = [rates].flat().reduce((sum, rate) => sum + rate, 0) || Number.NaN
  const [first] = new Float32Array(Uint8Array.from(readFileSync(race.parametersFile)).buffer)
  send({ ms: first, loss: race.seed, error })
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  if ('quit' in request) break
  if ('begin' in request) {
    race = request.begin
    send({ begun: existsSync(race.testFile) })
  } else if ('epoch' in request) epoch(request.epoch)
  else if ('run' in request) send({ ms: request.run.steps * 2, loss: 0.125 })
  else if (behaviour === 'dies') throw new Error('out of luck')
  else if (behaviour === 'chats') send('hello')
  else if (behaviour === 'decays') send({ ready, losses: [0.5, request.start.weightDecay] })
  else if (behaviour === 'missing') send({ unavailable: 'no such module' })
  else if (behaviour in LOSSES) send({ ready, losses: LOSSES[behaviour] })
}
process.exit(0)
