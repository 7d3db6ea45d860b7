/** The conformance suite on the WebGPU engine in Node. */
import { suite } from 'uvu'
import { createWebgpuNodeEngine } from '../../src/engines/webgpu/node.ts'
import { conformance } from './conformance.ts'
import { isSoftwareAdapter, missingAdapter, useSoftwareAdapterIfNoOther } from './software-adapter.ts'

useSoftwareAdapterIfNoOther()

const missing = await missingAdapter()
// Asked before the first suite runs: while a test file waits, uvu begins with the suites that it knows.
const isSoftware = missing === undefined && (await isSoftwareAdapter())
if (missing === undefined) {
  conformance('webgpu', (network) => createWebgpuNodeEngine(network))
  // Otherwise these small networks never see the larger tiles. On software adapters compiling them takes
  // minutes.
  if (!isSoftware) {
    conformance('webgpu in tiled64', (network) => createWebgpuNodeEngine(network, { kernel: 'tiled64' }))
  }
} else {
  console.log(`SKIPPED: conformance of the WebGPU engine: ${missing}`)
  const skipped = suite('conformance of webgpu (skipped)')
  skipped.skip(missing, () => {})
  skipped.run()
}
