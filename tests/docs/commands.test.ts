/** The documents against what they speak of: flags, links, sizes. */
import { spawnSync } from 'node:child_process'
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

/** Those beside the code, too. */
async function allDocuments(): Promise<string[]> {
  const results = (await readdir(join(ROOT, 'results'), { recursive: true })).filter((name) =>
    name.endsWith('.md'),
  )
  const beside = ['examples/README.md', 'scripts/peers/README.md', 'assembly/COST.md', 'CHANGELOG.md']
  return [...(await documents()), ...beside, ...results.map((name) => `results/${name}`)]
}

/** What GitHub makes of the headings: the parts of a page that links lead to. */
function anchors(page: string): string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-'),
  )
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

test('every link of the documents leads to a file of the repository, and to a heading in it', async () => {
  const broken: string[] = []
  for (const file of await allDocuments()) {
    const text = await readFile(join(ROOT, file), 'utf8')
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:)/.test(target)) continue
      const [name, anchor] = target.split('#')
      const path = name === '' ? join(ROOT, file) : resolve(ROOT, dirname(file), name)
      if (!existsSync(path)) broken.push(`${file}: ${relative(ROOT, path)}`)
      else if (anchor !== undefined && !anchors(await readFile(path, 'utf8')).includes(anchor)) {
        broken.push(`${file}: ${target}`)
      }
    }
  }
  assert.equal(broken, [])
})

async function scriptsOf(file: string): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, file), 'utf8')) as {
    scripts: Record<string, string>
  }
  return Object.keys(scripts)
}

test('every `npm run` of the documents is a script', async () => {
  const own = await scriptsOf('package.json')
  const examples = [
    ...(await scriptsOf('examples/package.json')),
    ...(await scriptsOf('examples/next/package.json')),
  ]
  const unknown: string[] = []
  for (const file of await allDocuments()) {
    const text = await readFile(join(ROOT, file), 'utf8')
    const known = file.startsWith('examples/') ? [...own, ...examples] : own
    for (const [, name] of text.matchAll(/npm run ([a-z][\w:-]*)/g)) {
      if (!known.includes(name)) unknown.push(`${file}: npm run ${name}`)
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
function calls(text: string): { command: string; flags: string[]; rest: string }[] {
  return [...text.matchAll(/npm run ([a-z][\w:-]*) -- ([^`\n]*)/g)].map(([, command, rest]) => ({
    command,
    rest,
    flags: [...rest.matchAll(/(?<=^|\s)--?([a-zA-Z][\w-]*)/g)].map(([, flag]) => flag.replaceAll('_', '-')),
  }))
}

/** Those of the flags, with their dashes, that the command's help does not name. */
function unknownFlags(page: string, command: string, flags: readonly string[]): string[] {
  const help = page.slice(page.indexOf(`\n## ${command}\n`)).split('\n## ')[1]
  return flags
    .map((flag) => (flag.length === 1 ? `-${flag}` : `--${flag}`))
    .filter((written) => !new RegExp(`(^|[\\s,])${written}(?![\\w-])`, 'm').test(help))
}

/** The images' entry point is scripts/start.mjs: `args: [sweep, --plan, …]`. */
async function callsOfImages(): Promise<string[]> {
  const folder = join(ROOT, 'examples/cluster')
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'))
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))
  const lists = texts.flatMap((text) => [...text.matchAll(/^ *args: \[(.*)\]$/gm)].map(([, list]) => list))
  assert.is(lists.length, files.length, 'each calls one command')
  return lists.map((list) => list.split(/, */).join(' '))
}

test('every flag in a call that the documents show is one of its command', async () => {
  const page = await readFile(COMMANDS_PAGE, 'utf8')
  const names = new Set(await commandNames())
  const unknown: string[] = []
  for (const file of await documents()) {
    for (const { command, flags } of calls(await readFile(join(ROOT, file), 'utf8'))) {
      if (!names.has(command)) continue
      unknown.push(...unknownFlags(page, command, flags).map((flag) => `${file}: ${command} ${flag}`))
    }
  }
  for (const call of await callsOfImages()) {
    const [{ command, flags }] = calls(`npm run ${call.replace(' ', ' -- ')}`)
    assert.ok(names.has(command), call)
    unknown.push(...unknownFlags(page, command, flags).map((flag) => `${call}: ${flag}`))
  }
  assert.equal(unknown, [])
})

test('what the commands of the documents write is ignored by git, and by the checks', async () => {
  const written = new Set<string>()
  for (const file of await documents()) {
    if (relative(ROOT, COMMANDS_PAGE) === file) continue
    for (const { rest } of calls(await readFile(join(ROOT, file), 'utf8'))) {
      const flags = /(?:^|\s)(?:--(?:out|save|plan|log|tensorboard|onnx|config)|-[os]) ([\w./-]+)/g
      for (const [, path] of rest.matchAll(flags)) written.add(path)
    }
  }
  assert.ok(written.size > 10, `found ${[...written].join(', ')}`)
  // `results/` is what is published, by those who name it; what is in `examples/` comes with the project.
  const paths = [...written].filter((path) => !/^(results|examples)\//.test(path))
  const { stdout, status } = spawnSync('git', ['check-ignore', '--no-index', ...paths], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  // Without git there is nothing to ask.
  if (status === null || status > 1) return
  const ignored = stdout.split('\n')
  assert.equal(
    paths.filter((path) => !ignored.includes(path)),
    [],
  )
})

test.run()
