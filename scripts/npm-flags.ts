/**
 * Flags that never reached a command: `npm run train --z=8` leaves out the `--`, npm takes the flag for one
 * of its own, and the command would train another model than the one asked for.
 */
import { UsageError } from '../src/errors.ts'
import { dashed } from './flag-names.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What npm understands by our flags where it has them too; `save`, `s` and `e` leave no trace to go by. */
const OF_NPM: Readonly<Record<string, string>> = { l: 'long', p: 'parseable' }

/**
 * Throws UsageError where npm, and not the command, was given one of the flags. npm tells the scripts it runs
 * what it was given: `--noise-std=0.2` as `npm_config_noise_std`, `-z8` as `npm_config_z8`.
 *
 * @param command the script of package.json that is running
 * @param args what the command was given
 * @param flags names without dashes, aliases too
 */
export function checkDashes(
  command: string,
  args: readonly string[],
  flags: readonly string[],
  env: Environment = process.env,
): void {
  if (env.npm_lifecycle_event !== command) return
  for (const flag of flags) {
    const typed = dashed(flag)
    if (args.some((argument) => argument === typed || argument.startsWith(`${typed}=`))) continue
    const value = valueFromNpm(flag, env)
    if (value === undefined) continue
    // Of `--z 8` npm takes the flag, and leaves its value as a word.
    const word = args.length === 1 && !args[0].startsWith('-') ? ` ${args[0]}` : ''
    const shown = typed + (value === true ? word : ` ${value}`)
    throw new UsageError(
      `${typed}: npm took this flag for its own; put -- before the flags: npm run ${command} -- ${shown}`,
    )
  }
}

/** The value that npm was given for the flag; true where npm saw none. */
function valueFromNpm(flag: string, env: Environment): string | true | undefined {
  const value = env[`npm_config_${(OF_NPM[flag] ?? flag).replaceAll('-', '_')}`]
  if (value !== undefined) return value === 'true' || value === '' ? true : value
  if (flag.length > 1) return undefined
  const glued = new RegExp(`^npm_config_${flag}(\\d.*)$`)
  for (const name of Object.keys(env)) {
    const match = glued.exec(name)
    if (match !== null) return match[1]
  }
  return undefined
}

/** What to add to a complaint about a stray word: npm hands on the value of a flag that it has taken. */
export function dashesHint(command: string, env: Environment = process.env): string {
  if (env.npm_lifecycle_event !== command) return ''
  return `; if it follows a flag, npm took that for its own: put -- before the flags (npm run ${command} -- …)`
}
