'use client'

import { useState } from 'react'

/** Trains in the visitor's browser on the images that the server's route gives. */
export default function Page() {
  const [status, setStatus] = useState('')

  async function train() {
    // Loaded when it is needed; the client gets the package's file for browsers.
    const { Autoencoder, parametersSha256 } = await import('hourglass-autoencoder')
    const rows = new Uint8Array(await (await fetch('/api/images')).arrayBuffer())
    const model = await Autoencoder.create({ bottleneck: 8, seed: 1, device: 'cpu', simd: 'plain' })
    try {
      const data = { train: { count: rows.length / 784, rows } }
      await model.train(data, { epochs: 1 })
      setStatus(await parametersSha256(await model.parameters()))
    } catch (error) {
      setStatus(error.message)
    } finally {
      await model.dispose()
    }
  }

  return (
    <main>
      <button type="button" onClick={train}>
        Train
      </button>
      <p id="status">{status}</p>
    </main>
  )
}
