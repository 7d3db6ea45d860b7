/**
 * `npm run docs`: pages of all that the library exports, from the source, in out/docs. TypeDoc and the
 * TypeScript that it needs, which is not the project's, are those of docs/package.json beside this file,
 * installed when they are missing.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const tools = join(root, 'scripts/docs')
const typedoc = join(tools, 'node_modules/typedoc/bin/typedoc')

if (!existsSync(typedoc)) {
  const isWindows = process.platform === 'win32'
  const args = ['ci', '--no-audit', '--no-fund', '--silent']
  execFileSync('npm', args, { cwd: tools, stdio: 'inherit', shell: isWindows })
}
const { status } = spawnSync(
  process.execPath,
  [
    typedoc,
    ...['--tsconfig', join(root, 'scripts/docs/tsconfig.json'), '--out', join(root, 'out/docs')],
    ...[
      '--name',
      'Hourglass',
      '--readme',
      join(root, 'docs/library.md'),
      '--projectDocuments',
      join(root, 'docs/browser.md'),
    ],
    ...['--excludeInternal', '--excludePrivate', '--disableSources', '--validation.notExported', 'false'],
    '--treatWarningsAsErrors',
    ...['--entryPoints', join(root, 'src/index.ts'), '--entryPoints', join(root, 'src/browser.ts')],
  ],
  { cwd: root, stdio: 'inherit' },
)
if (status === 0) console.log('out/docs/index.html')
process.exitCode = status ?? 1
