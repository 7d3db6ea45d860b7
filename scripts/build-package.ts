/**
 * Builds dist/, the JavaScript and declarations of the npm package, from src/. `npm pack` runs it; `files` in
 * package.json says what else goes into the package.
 *
 * tsc rewrites the extensions of imports. What it does not know is done here: the workers' files, which
 * `new URL` names, and the WGSL files, which only Vite imports as text. `build-standalone.ts` makes files of
 * it that need no bundler. With the path of another folder inside the checkout, it is built there.
 */
import { execFile } from 'node:child_process'
import { cp, glob, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildStandalone, buildTables } from './build-standalone.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = resolve(process.argv[2] ?? join(root, 'dist'))
const shaders = 'engines/webgpu/shaders'

/** The compiler of the project, whose package tells where its command lies. */
function compilerPath(): string {
  const require = createRequire(import.meta.url)
  const { bin } = require('typescript/package.json') as { bin: { tsc: string } }
  return join(dirname(require.resolve('typescript/package.json')), bin.tsc)
}

async function compile(): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [
      compilerPath(),
      ...['-p', join(root, 'tsconfig.build.json')],
      ...['--outDir', dist],
    ])
  } catch (error) {
    // tsc writes what is wrong to stdout.
    console.error((error as { stdout?: string }).stdout || error)
    process.exit(1)
  }
}

/** A copy for Node, which reads the file, and a module of the text for browsers. */
async function addShaders(): Promise<void> {
  await cp(join(root, 'src', shaders), join(dist, shaders), { recursive: true })
  for await (const file of glob('*.wgsl', { cwd: join(dist, shaders) })) {
    const text = await readFile(join(dist, shaders, file), 'utf8')
    await writeFile(join(dist, shaders, `${file}.js`), `export default ${JSON.stringify(text)}\n`)
  }
}

async function rewritePaths(): Promise<void> {
  for await (const file of glob('**/*.js', { cwd: dist })) {
    const path = join(dist, file)
    const text = await readFile(path, 'utf8')
    const rewritten = text
      .replaceAll(/(new URL\('\.[^']*)\.ts'/g, "$1.js'")
      .replaceAll(/( from '\.[^']*\.wgsl)\?raw'/g, "$1.js'")
    if (rewritten !== text) await writeFile(path, rewritten)
  }
}

// Nothing of an earlier build may get into the package.
await rm(dist, { recursive: true, force: true })
await compile()
await addShaders()
await rewritePaths()
await buildStandalone(root, dist)
await buildTables(root, dist)
