/**
 * Commands as npm starts them: the forgotten `--`, where paths lead, and where results go that nobody named.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDashes } from '../../scripts/npm-flags.ts'
import { UsageError } from '../../src/errors.ts'
import { runCommand } from '../package/installed.ts'
import { runScript } from '../support/command.ts'
import { runProgram } from '../support/processes.ts'

const test = suite('commands under npm')
const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'hourglass-npm-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

const FLAGS = ['z', 'bottleneck', 'noise-std', 'json', 'l', 'load', 'clip', 'e']

function complaint(env: Record<string, string>, args: readonly string[] = []): string | undefined {
  try {
    checkDashes('train', args, FLAGS, { npm_lifecycle_event: 'train', ...env })
    return undefined
  } catch (error) {
    assert.instance(error, UsageError)
    return (error as Error).message
  }
}

test('a flag that npm took is told by what npm leaves of it', () => {
  const expected = (flag: string, shown: string) =>
    `${flag}: npm took this flag for its own; put -- before the flags: npm run train -- ${shown}`
  // As npm 11.19 leaves them, of --z=8, -z 8, -z8, --noise-std=0.2, --json, -l FILE and --no-clip.
  for (const [env, message] of [
    [{ npm_config_z: '8' }, expected('-z', '-z 8')],
    [{ npm_config_z: 'true' }, expected('-z', '-z')],
    [{ npm_config_z8: 'true' }, expected('-z', '-z 8')],
    [{ npm_config_noise_std: '0.2' }, expected('--noise-std', '--noise-std 0.2')],
    [{ npm_config_json: 'true' }, expected('--json', '--json')],
    [{ npm_config_long: 'true' }, expected('-l', '-l')],
    [{ npm_config_clip: '' }, expected('--clip', '--clip')],
  ] as const)
    assert.is(complaint(env), message)
  assert.is(complaint({ npm_config_z: 'true' }, ['8']), expected('-z', '-z 8'))
  assert.is(complaint({ npm_config_z: 'true' }, ['8', '1']), expected('-z', '-z'), 'whose is the 8?')
})

test('what is npm’s, or was given to the command as well, is no complaint', () => {
  const own = { npm_config_cache: '/tmp', npm_config_loglevel: 'silent', npm_config_user_agent: 'npm/11' }
  assert.is(complaint(own), undefined)
  assert.is(complaint({ npm_config_json: 'true' }, ['--json']), undefined)
  assert.is(complaint({ npm_config_noise_std: '1' }, ['--noise-std=0.2']), undefined)
  assert.is(complaint({ npm_config_z: '8', npm_lifecycle_event: 'test' }), undefined, 'another script')
})

test('npm run train --z=8 trains nothing and says what to type', async () => {
  const { code, output } = await runCommand('npm', ['run', '--silent', 'train', '--z=8'], root)
  assert.is(code, 2, output)
  assert.match(output, /^error: -z: npm took this flag for its own; .*: npm run train -- -z 8$/m)
})

test('npm run train -s FILE, whose flag leaves no trace: the stray word says so', async () => {
  const { code, output } = await runCommand('npm', ['run', 'train', '-s', 'here.pth'], root)
  assert.is(code, 2, output)
  assert.match(
    output,
    /^error: unexpected argument: here\.pth; .* put -- before the flags \(npm run train -- …\)$/m,
  )
})

test('paths are those of where npm was called', async () => {
  const model = fileURLToPath(new URL('../../results/MLP.2.pth', import.meta.url))
  const args = ['--prefix', root, 'run', '--silent', 'convert', '--', model, 'here.safetensors']
  const { code, output } = await runCommand('npm', args, directory)
  assert.is(code, 0, output)
  assert.ok(existsSync(join(directory, 'here.safetensors')))
  assert.not.ok(existsSync(join(root, 'here.safetensors')))
})

/** Every command that has an `--out`, or writes beside the weights. */
const COMMANDS = ['train', 'evaluate', 'sweep', 'apply', 'bench', 'export', 'convert', 'parity']

for (const command of COMMANDS) {
  test(`${command} writes nothing that git keeps unless its place is named`, async () => {
    const { code, stdout } = await runScript(command, ['--help'], directory)
    assert.is(code, 0)
    const defaults = [...stdout.matchAll(/--(?:out|save|plot)\b[\s\S]*?\[default: "?([^\]"]*)"?\]/g)]
    const paths = defaults.map((match) => match[1]).filter((text) => /^[\w./-]+$/.test(text))
    for (const path of paths) {
      const { code: ignored } = await runProgram('git', ['-C', root, 'check-ignore', path, join(path, 'x')])
      assert.is(ignored, 0, `${path} is not ignored by git`)
    }
  })
}

test.run()
