/**
 * Starts a command: `node scripts/start.mjs NAME [flags]` runs scripts/NAME.ts, or what `npm install` bundled
 * of it where no source is another since. Node keeps what it made of either in build/compile-cache, for
 * workers too: the second start takes half as long as the first, and 50 MB less.
 *
 * It is also the first to run where something is missing, on whatever Node there is. So it is plain
 * JavaScript without top-level await, imports by name nothing that an old Node has not, and says what to do
 * in one line.
 */
import { readFileSync, statSync } from 'node:fs'
import * as module from 'node:module'
import { fileURLToPath } from 'node:url'

function fail(message) {
  process.exitCode = 1
  console.error(`error: ${message}`)
}

/** One line for what stands in the way of a command's start; undefined for what is a defect. */
function obstacle(error) {
  if (error.syscall === 'chdir') {
    return `${error.dest}: expected the folder that npm was called in, found it gone`
  }
  const missing = error.code === 'ERR_MODULE_NOT_FOUND' && /Cannot find package '([^']+)'/.exec(error.message)
  if (missing) {
    return `${missing[1]}: expected this npm package, found it not installed: run \`npm install\` (NODE_ENV=production and --omit=dev leave out what the commands need)`
  }
  return undefined
}

/**
 * npm starts scripts in the folder of package.json: paths mean what they mean where the person stands. Not
 * for commands that something else starts, such as a test, which inherit the name of another script.
 */
function standWhereCalled(name, root) {
  const { INIT_CWD: called, npm_lifecycle_event: script } = process.env
  if (called === undefined || script !== name || process.cwd() !== root) return
  process.chdir(called)
}

/** Where the command's bundle is, if it is there and no file is another than those that it was made of. */
function bundleOf(name) {
  try {
    const { folder, inputs } = JSON.parse(readFileSync(new URL('../build/commands.json', import.meta.url)))
    const root = fileURLToPath(new URL('..', import.meta.url))
    for (const [file, bytes, changedMs] of inputs) {
      const { size, mtimeMs } = statSync(root + file)
      if (size !== bytes || mtimeMs !== changedMs) return undefined
    }
    const bundle = new URL(`../build/${folder}/${name}.js`, import.meta.url)
    statSync(bundle)
    return bundle.href
  } catch {
    return undefined
  }
}

async function start(name) {
  standWhereCalled(name, fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, ''))
  const directory = fileURLToPath(new URL('../build/compile-cache', import.meta.url))
  if (module.enableCompileCache) module.enableCompileCache(directory)
  // Worker threads read it from here.
  process.env.NODE_COMPILE_CACHE = directory
  await import(bundleOf(name) ?? `./${name}.ts`)
}

// TypeScript as it is, for which Node 22.18 and 23.6 need no flag.
if (process.features.typescript) {
  start(process.argv.splice(2, 1)[0]).catch((error) => {
    const message = obstacle(error)
    if (message === undefined) throw error
    fail(message)
  })
} else {
  fail(
    `Node ${process.versions.node}: expected the Node that npm brings with this project (26), found it not installed: run \`npm install\` (--omit=optional leaves it out), or use Node 24 or newer`,
  )
}
