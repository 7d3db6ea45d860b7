/**
 * `docs/commands.md`: what every command says of itself with --help.
 *
 *   npm run docs:commands
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const COMMANDS_PAGE = join(ROOT, 'docs/commands.md')

const HEAD = `# Commands

What \`npm run COMMAND -- --help\` says, made by \`npm run docs:commands\`. Flags go after \`--\`; \`--noise_std\` and
\`--noise-std\` are the same flag, and \`--config FILE.json\` takes them from a file.

Exit codes: 0 done; 1 a file, device or run failed (one line on stderr says which, what was expected and what
was found); 2 called wrongly; stopped from outside: 130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP. Output that
cannot be printed (a full disk, \`| head\`) ends no run; a command that is called for what it prints then exits
with 1.
`

/** Names of the commands: the npm scripts that \`scripts/start.mjs\` starts, in their order. */
export async function commandNames(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  return Object.keys(scripts).filter((name) => scripts[name] === `node scripts/start.mjs ${name}`)
}

async function helpOf(name: string): Promise<string> {
  // Not the width of this terminal, and nothing of an npm script around it.
  const { COLUMNS: _columns, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/start.mjs', name, '--help'], {
    cwd: ROOT,
    env: { ...env, NO_COLOR: '1', INIT_CWD: ROOT },
  })
  return `## ${name}\n\n\`\`\`text\n${stdout.trim().replace(/ +$/gm, '')}\n\`\`\`\n`
}

/** The whole page. */
export async function commandsPage(): Promise<string> {
  const parts: string[] = []
  for (const name of await commandNames()) parts.push(await helpOf(name))
  return `${HEAD}\n${parts.join('\n')}`
}
