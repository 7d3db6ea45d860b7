/**
 * Compiles `assembly/` to build/: relaxed and plain SIMD, release and debug. Does nothing when the outputs are newer than the
 * sources, so that every command can afford to ask; `--force` compiles all the same.
 */
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const BUILDS = [
  { file: 'core.relaxed.wasm', flags: ['--target', 'release', '--enable', 'relaxed-simd'] },
  { file: 'core.plain.wasm', flags: ['--target', 'release'] },
  { file: 'core.relaxed.debug.wasm', flags: ['--target', 'debug', '--enable', 'relaxed-simd'] },
  { file: 'core.plain.debug.wasm', flags: ['--target', 'debug'] },
]

/** Newest modification time of a source in `folder` in milliseconds. */
async function newestIn(folder: string): Promise<number> {
  let newest = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.ts'))
      newest = Math.max(newest, (await stat(join(folder, entry.name))).mtimeMs)
  }
  return newest
}

async function modified(file: string): Promise<number> {
  return stat(file).then(
    (found) => found.mtimeMs,
    () => 0,
  )
}

const sources = Math.max(
  await newestIn(join(root, 'assembly')),
  await modified(join(root, 'asconfig.json')),
  await modified(fileURLToPath(import.meta.url)),
)
await mkdir(join(root, 'build'), { recursive: true })
for (const { file, flags } of BUILDS) {
  const outFile = join(root, 'build', file)
  if (!process.argv.includes('--force') && (await modified(outFile)) > sources) continue
  // Loaded only now: the compiler takes longer to load than most commands have to wait for anything else.
  const { default: asc } = await import('assemblyscript/asc')
  const { error, stderr } = await asc.main([
    ...flags,
    '--outFile',
    `build/${file}`,
    '--config',
    'asconfig.json',
    '--baseDir',
    root,
  ])
  if (error) {
    console.error(stderr.toString())
    process.exit(1)
  }
}
