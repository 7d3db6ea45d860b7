/** The parent's side of the peers' protocol, against a stand-in that needs none of the libraries. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startPeers } from '../../scripts/bench/peers.ts'
import {
  createWorkload,
  type Peer,
  PeerError,
  PeerUnavailableError,
  startPeer,
} from '../../scripts/peers/peer.ts'
import { parameterCount } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { rejection } from '../support/rejection.ts'

const network = hourglass({ input: 4, hidden: 3, bottleneck: 2 })
const options = {
  network,
  images: new Uint8Array(8 * 4),
  parameters: new Float32Array(parameterCount(network)),
  batchSize: 8,
  expectedLosses: [0.5, 0.25],
}
const FAKE = pathToFileURL(path.join(import.meta.dirname, 'fake-peer.mjs')).href

async function start(behaviour: string, startMilliseconds = 60_000, changes = {}) {
  const workload = await createWorkload({ ...options, ...changes })
  const environment = { FAKE_PEER: behaviour, NODE_OPTIONS: `--import=${FAKE}` }
  try {
    return await startPeer('jax-js', { workload, threads: 1, environment, startMilliseconds })
  } finally {
    await workload.dispose()
  }
}

test('a peer whose losses agree runs, closes twice and runs no more', async () => {
  const peer = await start('agrees')
  assert.equal(peer.losses, [0.5, 0.25])
  assert.equal(peer.info.runtime, 'fake')
  assert.equal(await peer.run(3), { milliseconds: 6, loss: 0.125 })
  await peer.close()
  await peer.close()
  assert.instance(await rejection(peer.run(1)), PeerError)
})

test('a peer is told the weight decay, which is the seed project’s unless another is given', async () => {
  for (const [changes, decay] of [
    [{}, 1e-5],
    [{ weightDecay: 0 }, 0],
  ] as const) {
    const peer = await start('decays', undefined, { ...changes, expectedLosses: [0.5, decay] })
    assert.equal(peer.losses, [0.5, decay])
    await peer.close()
  }
})

for (const behaviour of ['differs', 'nan', 'long']) {
  test(`a peer whose losses are wrong is refused: ${behaviour}`, async () => {
    const error = await rejection(start(behaviour))
    assert.instance(error, PeerError)
    assert.match(error.message, /jax-js.*expected losses 0\.5, 0\.25, found 0\.5/)
  })
}

test('a peer that dies, chats or stays silent is an error that says so', async () => {
  const dead = await rejection(start('dies'))
  assert.instance(dead, PeerError)
  assert.match(dead.message, /ended with code 1.*out of luck/s)
  const chatty = await rejection(start('chats'))
  assert.instance(chatty, PeerError)
  assert.match(chatty.message, /expected a line of JSON, found hello/)
  const silent = await rejection(start('silent', 300))
  assert.instance(silent, PeerError)
  assert.match(silent.message, /no answer in 0.3 s/)
})

test('a missing library and a missing interpreter are reported as unavailable', async () => {
  const missing = await rejection(start('missing'))
  assert.instance(missing, PeerUnavailableError)
  assert.match(missing.message, /no such module/)
  const uninstalled = await rejection(start('uninstalled'))
  assert.instance(uninstalled, PeerUnavailableError)
  assert.match(uninstalled.message, /: not installed: .* \(Cannot find package 'no-such-package'\)$/)
  const workload = await createWorkload(options)
  const environment = { PYTHON: '/no/such/python' }
  const error = await rejection(startPeer('pytorch', { workload, threads: 1, environment }))
  assert.instance(error, PeerUnavailableError)
  assert.match(error.message, /PyTorch.*cannot start \/no\/such\/python/)
  await workload.dispose()
  assert.not(existsSync(workload.directory))
})

test('a workload that peers cannot train is refused', async () => {
  assert.instance(await rejection(createWorkload({ ...options, batchSize: 9 })), PeerError)
  const other = hourglass({ input: 4, hidden: 3, bottleneck: 2, activation: 'tanh' })
  const error = await rejection(createWorkload({ ...options, network: other }))
  assert.match(error.message, /^peers train relu, relu or identity, .* found tanh, /)
})

for (const [what, changes] of [
  [
    'linear latent units',
    { network: hourglass({ input: 4, hidden: 3, bottleneck: 2, latentActivation: 'identity' }) },
  ],
  ['floats', { images: new Float32Array(8 * 4) }],
] as const) {
  test(`only the Python peers train ${what}`, async () => {
    const workload = await createWorkload({ ...options, ...changes })
    try {
      const error = await rejection(startPeer('tfjs-wasm', { workload, threads: 1 }))
      assert.match(error.message, /^tfjs \(WASM\): trains ReLU latent units on bytes only$/)
    } finally {
      await workload.dispose()
    }
  })
}

test('a race begins from its own start, and its epochs tell all three numbers', async () => {
  const workload = await createWorkload({ ...options, testImages: new Uint8Array(4) })
  const environment = { FAKE_PEER: 'agrees', NODE_OPTIONS: `--import=${FAKE}` }
  const peer = await startPeer('jax-js', { workload, threads: 1, environment })
  try {
    const parameters = new Float32Array(parameterCount(network)).fill(2)
    await peer.begin({ parameters, batchSize: 8, seed: 3 })
    // The stand-in adds what it was told: the first parameter, the seed, the sum of the rates.
    assert.equal(await peer.trainEpoch([0.5, 0.25]), { milliseconds: 2, loss: 3, testError: 0.75 })
    assert.equal(await peer.trainEpoch(0.5), { milliseconds: 2, loss: 3, testError: 0.5 })
    assert.match((await rejection(peer.trainEpoch([]))).message, /test error null/)
  } finally {
    await peer.close()
    await workload.dispose()
  }
})

test('of peers that start at once, those that can be had come in order, and the others with their reasons', async () => {
  const workload = await createWorkload(options)
  const environment = { FAKE_PEER: 'agrees', NODE_OPTIONS: `--import=${FAKE}`, PYTHON: '/no/such/python' }
  const peers: Peer[] = []
  const missing: { name: string; reason: string }[] = []
  const kinds = ['pytorch', 'tfjs-wasm', 'jax', 'jax-js'] as const
  await startPeers(kinds, { workload, threads: 1, environment }, peers, missing)
  try {
    assert.equal(
      peers.map(({ kind }) => kind),
      ['tfjs-wasm', 'jax-js'],
    )
    assert.equal(
      missing.map(({ name }) => name),
      ['PyTorch (eager)', 'JAX (XLA)'],
    )
    assert.match(missing[0].reason, /cannot start \/no\/such\/python: ENOENT/)
  } finally {
    await Promise.all(peers.map((peer) => peer.close()))
    await workload.dispose()
  }
})

test.run()
