/**
 * The host's twin of `assembly/plan/`: constants, codes and structures, read out of the sources that the core
 * is compiled from, so that each has one home. It knows just the TypeScript that stands there, and throws for
 * any other.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HourglassError } from '../src/errors.ts'

/** Of these files, in this order: what a name means must be known before it is used. */
const FILES = ['sizes.ts', 'codes.ts', 'control.ts', 'structures.ts']
/** Constants of one beginning become one object: ACTIVATION_RELU is `ACTIVATION.relu`. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'codes.ts': ['ACTIVATION', 'INPUT_GRADIENT', 'LOSS', 'ROWS'],
  'control.ts': ['CONTROL'],
}
/** Types of fields, all of one 32-bit word; the name of a structure is its address. */
const WORD_TYPES = ['i32', 'u32', 'f32', 'usize']
const WORD_BYTES = 4

const CONSTANT = /^export const ([A-Z][A-Z_0-9]*): \w+ = (.+)$/gm
const STRUCTURE = /^@unmanaged\nexport class (\w+) \{\n((?:.*\n)*?)\}$/gm
const FIELD = /^ {2}(\w+): (\w+)$/
const COMMENT = /^ *(\/\*\*.*\*\/|\/\*\*.*|\*.*|\/\/.*)?$/

/** The text of `src/engines/wasm/plan.ts`. Throws for a source that it cannot read. */
export async function planTwin(assembly: string): Promise<string> {
  const constants = new Map<string, number>()
  const structures = new Set<string>()
  const parts: string[] = [
    '/** Written by the build out of assembly/plan/, where everything here is explained: change it there. */\n',
  ]
  for (const file of FILES) {
    const source = await readFile(join(assembly, 'plan', file), 'utf8')
    const lines = [...source.matchAll(CONSTANT)]
    if (lines.length !== (source.match(/^export const/gm) ?? []).length) {
      throw new HourglassError(`assembly/plan/${file}: a constant is not NAME: type = expression on one line`)
    }
    const found = lines.map(([, name, expression]): [string, number] => {
      const value = evaluate(expression, constants, `${file}: ${name}`)
      constants.set(name, value)
      return [name, value]
    })
    const groups = GROUPS[file] ?? []
    for (const [name, value] of found) {
      if (!groups.some((group) => name.startsWith(`${group}_`)))
        parts.push(`export const ${name} = ${value}\n`)
    }
    for (const group of groups) {
      const members = found.filter(([name]) => name.startsWith(`${group}_`))
      const lines = members.map(
        ([name, value]) => `  ${camelCase(name.slice(group.length + 1))}: ${value},\n`,
      )
      parts.push(`\nexport const ${group} = {\n${lines.join('')}} as const\n`)
    }
    for (const [, name, body] of source.matchAll(STRUCTURE)) {
      structures.add(name)
      parts.push(structureOf(name, body, structures))
    }
  }
  return parts.join('')
}

/** Of whole numbers, names known before, casts and + − * / in brackets. */
function evaluate(expression: string, constants: ReadonlyMap<string, number>, what: string): number {
  const named = expression.replace(/<\w+>/g, '').replace(/[A-Z][A-Z_0-9]*/g, (name) => {
    const value = constants.get(name)
    if (value === undefined) throw new HourglassError(`assembly/plan/${what}: ${name} is not known before it`)
    return String(value)
  })
  if (!/^[-+*/() 0-9]+$/.test(named))
    throw new HourglassError(`assembly/plan/${what}: cannot read ${expression}`)
  const value = Number(new Function(`return ${named}`)())
  if (!Number.isInteger(value)) throw new HourglassError(`assembly/plan/${what}: ${value} is no whole number`)
  return value
}

function structureOf(name: string, body: string, structures: ReadonlySet<string>): string {
  const lines: string[] = []
  for (const line of body.split('\n')) {
    const [, field, type] = FIELD.exec(line) ?? []
    if (field === undefined) {
      if (COMMENT.test(line)) continue
      throw new HourglassError(
        `assembly/plan: ${name} has a line that is neither a field nor a comment: ${line}`,
      )
    }
    if (!WORD_TYPES.includes(type) && !structures.has(type)) {
      throw new HourglassError(`assembly/plan: ${name}.${field} is of type ${type}, not a 32-bit word`)
    }
    const kind = type === 'f32' ? 'f32' : 'i32'
    lines.push(`    ${field}: { at: ${lines.length * WORD_BYTES}, type: '${kind}' },\n`)
  }
  const bytes = lines.length * WORD_BYTES
  return `\nexport const ${name} = {\n  bytes: ${bytes},\n  fields: {\n${lines.join('')}  },\n} as const\n`
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
