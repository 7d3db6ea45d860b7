/** The documents against what they speak of: flags, links, sizes. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS_PAGE, commandNames, commandsPage } from '../../scripts/docs/commands-page.ts'

const ROOT = resolve(import.meta.dirname, '../..')

async function documents(): Promise<string[]> {
  const docs = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'))
  return ['README.md', 'CONTRIBUTING.md', ...docs.map((name) => `docs/${name}`)]
}

test('docs/commands.md says what every command says of itself', async () => {
  assert.is(
    await readFile(COMMANDS_PAGE, 'utf8'),
    await commandsPage(),
    'npm run docs:commands writes it anew',
  )
})

test('README is for who meets it first: at most 9 KB', async () => {
  assert.ok((await readFile(join(ROOT, 'README.md'))).length <= 9 * 1024)
})

test('every link of the documents leads to a file of the repository', async () => {
  const broken: string[] = []
  for (const file of await documents()) {
    const text = await readFile(join(ROOT, file), 'utf8')
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:|#)/.test(target)) continue
      const path = resolve(ROOT, dirname(file), target.replace(/#.*$/, ''))
      if (!existsSync(path)) broken.push(`${file}: ${relative(ROOT, path)}`)
    }
  }
  assert.equal(broken, [])
})

test('every `npm run` of the documents is a script', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const unknown: string[] = []
  for (const file of await documents()) {
    const text = await readFile(join(ROOT, file), 'utf8')
    for (const [, name] of text.matchAll(/npm run ([a-z][\w:-]*)/g)) {
      if (!(name in scripts)) unknown.push(`${file}: npm run ${name}`)
    }
  }
  assert.equal(unknown, [])
})

test('no command is run by npm before or after another: `pretrain` would be, before `train`', async () => {
  const names = await commandNames()
  const hooks = names.filter((name) =>
    names.some((other) => name === `pre${other}` || name === `post${other}`),
  )
  assert.equal(hooks, [])
})

test('prose is set in lines of at most 110 columns', async () => {
  const wide: string[] = []
  for (const file of await documents()) {
    let isCode = false
    const lines = (await readFile(join(ROOT, file), 'utf8')).split('\n')
    lines.forEach((line, i) => {
      if (line.startsWith('```')) isCode = !isCode
      // Tables, pictures and code have lines of their own.
      if (isCode || /^(\||!\[)/.test(line) || Array.from(line).length <= 110) return
      wide.push(`${file}:${i + 1}`)
    })
  }
  assert.equal(wide, [])
})

/** Flags in a line that calls a command, with the command that they are given to. */
function calls(text: string): { command: string; flags: string[] }[] {
  return [...text.matchAll(/npm run ([a-z][\w:-]*) -- ([^`\n]*)/g)].map(([, command, rest]) => ({
    command,
    flags: [...rest.matchAll(/(?<=^|\s)--?([a-zA-Z][\w-]*)/g)].map(([, flag]) => flag.replaceAll('_', '-')),
  }))
}

test('every flag in a call that the documents show is one of its command', async () => {
  const page = await readFile(COMMANDS_PAGE, 'utf8')
  const names = new Set(await commandNames())
  const unknown: string[] = []
  for (const file of await documents()) {
    for (const { command, flags } of calls(await readFile(join(ROOT, file), 'utf8'))) {
      if (!names.has(command)) continue
      const help = page.slice(page.indexOf(`\n## ${command}\n`)).split('\n## ')[1]
      for (const flag of flags) {
        const written = flag.length === 1 ? `-${flag}` : `--${flag}`
        if (!new RegExp(`(^|[\\s,])${written}(?![\\w-])`, 'm').test(help)) {
          unknown.push(`${file}: ${command} ${written}`)
        }
      }
    }
  }
  assert.equal(unknown, [])
})

test.run()
