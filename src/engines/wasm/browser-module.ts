/** The core in a browser: fetched beside this module, compiled by the browser as it likes. */
import type { ModuleChoice, Simd } from './module-choice.ts'
import { chooseModule } from './module-choice.ts'

/** Written out, so that a bundler sees both files and ships them. */
const CORE_URLS: Record<string, URL> = {
  'core.relaxed.wasm': new URL('../../../build/core.relaxed.wasm', import.meta.url),
  'core.plain.wasm': new URL('../../../build/core.plain.wasm', import.meta.url),
}

export function chooseBrowserModule(simd: Simd): Promise<ModuleChoice> {
  return chooseModule(simd, {
    load: async (file) => {
      const response = await fetch(CORE_URLS[file])
      if (!response.ok) throw new Error(`internal: ${file} could not be fetched: HTTP ${response.status}`)
      return new Uint8Array(await response.arrayBuffer())
    },
    compile: (bytes) => WebAssembly.compile(bytes),
    // A page cannot set V8's flags.
    fusing: undefined,
  })
}
