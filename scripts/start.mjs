/**
 * Starts a command: `node scripts/start.mjs NAME [flags]` runs scripts/NAME.ts with the core built. Node keeps what it made of the
 * TypeScript in build/compile-cache, for workers too: the second start takes half as long as the first, and 50 MB less. Plain
 * JavaScript, so that the launcher itself needs no work.
 */
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(new URL('../build/compile-cache', import.meta.url))
enableCompileCache(directory)
// Worker threads read it from here.
process.env.NODE_COMPILE_CACHE = directory
const [name] = process.argv.splice(2, 1)
await import('./build-wasm.ts')
await import(`./${name}.ts`)
