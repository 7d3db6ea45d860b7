/** Typed fields of JSON that came from a file. Runs in a browser. */
import { FileError, HourglassError } from '../errors.ts'
import { cut, printable, quote } from '../quote.ts'
import { parseJson } from './json.ts'

/**
 * Reads typed fields out of parsed JSON; errors name the file, the path of the field, what was expected and
 * found.
 */
export class JsonFields {
  readonly #file: string
  readonly #path: string
  readonly #values: Record<string, unknown>

  /** @param path of the value within the file, '' for its top level */
  constructor(file: string, path: string, value: unknown) {
    this.#file = file
    this.#path = path
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new FileError(file, `${path || 'top level'}: expected an object, found ${describe(value)}`)
    }
    this.#values = value as Record<string, unknown>
  }

  /**
   * The object that `text` holds. Throws `FileError` where it holds no JSON, or something else than an
   * object.
   */
  static parse(text: string, file: string, path = ''): JsonFields {
    try {
      return new JsonFields(file, path, parseJson(text, file))
    } catch (cause) {
      if (cause instanceof FileError) throw cause
      const where = path === '' ? '' : `${path}: `
      const problem = (cause as Error).message.replace(/\s+/g, ' ')
      throw new FileError(file, `${where}expected JSON, found: ${problem}`, { cause })
    }
  }

  fail(name: string, expected: string, found: unknown): never {
    throw new FileError(this.#file, `${this.#name(name)}: expected ${expected}, found ${describe(found)}`)
  }

  fields(name: string): JsonFields {
    return new JsonFields(this.#file, this.#name(name), this.#values[name])
  }

  /** The elements of an array of objects. */
  list(name: string): JsonFields[] {
    const value: unknown = this.#values[name]
    if (!Array.isArray(value)) return this.fail(name, 'an array', value)
    return value.map((item: unknown, i) => new JsonFields(this.#file, `${this.#name(name)}[${i}]`, item))
  }

  /** Finite: JSON's 1e999 is refused. */
  number(name: string): number {
    const value = this.#values[name]
    return typeof value === 'number' && Number.isFinite(value) ? value : this.fail(name, 'a number', value)
  }

  numberAtLeast(name: string, least: number): number {
    const value = this.number(name)
    return value >= least ? value : this.fail(name, `a number of at least ${least}`, value)
  }

  /** Undefined where the field is absent or null. */
  optionalNumber(name: string): number | undefined {
    return (this.#values[name] ?? null) === null ? undefined : this.number(name)
  }

  /** A number, or Infinity where there is null, which is how JSON writes it. */
  numberOrInfinity(name: string): number {
    return this.#values[name] === null ? Infinity : this.number(name)
  }

  string(name: string): string {
    const value = this.#values[name]
    return typeof value === 'string' ? value : this.fail(name, 'a string', value)
  }

  boolean(name: string): boolean {
    const value = this.#values[name]
    return typeof value === 'boolean' ? value : this.fail(name, 'true or false', value)
  }

  /** An array of strings that `accept` takes; `what` names them. */
  texts(name: string, accept: (text: string) => boolean, what: string): string[] {
    const value = this.#values[name]
    if (!Array.isArray(value)) return this.fail(name, `an array of ${what}`, value)
    const other = value.find((item) => typeof item !== 'string' || !accept(item))
    return other === undefined ? (value as string[]) : this.fail(name, what, other)
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#values[name]
    return choices.find((choice) => choice === value) ?? this.fail(name, choices.join(' or '), value)
  }

  /** All fields, each of which must be a string. */
  strings(): Record<string, string> {
    for (const [name, value] of Object.entries(this.#values)) {
      if (typeof value !== 'string') this.fail(name, 'a string', value)
    }
    return { ...this.#values } as Record<string, string>
  }

  /** Names and values as the file has them. */
  entries(): [name: string, value: unknown][] {
    return Object.entries(this.#values)
  }

  /** As it is in the file. */
  value(name: string): unknown {
    return this.#values[name]
  }

  /** Throws FileError where there is a field of another name. */
  only(names: readonly string[]): void {
    const other = Object.keys(this.#values).find((name) => !names.includes(name))
    if (other === undefined) return
    const where = this.#path === '' ? 'top level' : this.#path
    throw new FileError(this.#file, `${where}: expected no field ${quote(other)}, found one`)
  }

  /** Puts file and path in front of a complaint about values that came from here. */
  within<T>(check: () => T): T {
    try {
      return check()
    } catch (cause) {
      throw this.#complaint(cause)
    }
  }

  /** The same of what takes a while. */
  async withinAsync<T>(check: () => Promise<T>): Promise<T> {
    return check().catch((cause: unknown) => {
      throw this.#complaint(cause)
    })
  }

  #complaint(cause: unknown): unknown {
    if (!(cause instanceof HourglassError) || cause instanceof FileError) return cause
    const where = this.#path === '' ? '' : `${this.#path}: `
    return new FileError(this.#file, where + cut(cause.message, 300), { cause })
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name)
  }

  holdsObject(name: string): boolean {
    return typeof this.#values[name] === 'object'
  }

  integer(name: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.number(name)
    if (Number.isInteger(value) && value >= least && value <= most) return value
    const range = value > most ? `of at most ${most}` : `of at least ${least}`
    return this.fail(name, `a whole number ${range}`, value)
  }

  numbers(name: string): number[] {
    const value = this.#values[name]
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'number')) {
      this.fail(name, 'an array of numbers', value)
    }
    return value as number[]
  }

  lengthOf(name: string, expected: number): void {
    const found = this.numbers(name).length
    if (found !== expected) this.fail(name, `${expected} numbers`, found)
  }

  constant(name: string, expected: unknown): void {
    const found = JSON.stringify(this.#values[name])
    if (found !== JSON.stringify(expected)) this.fail(name, JSON.stringify(expected), this.#values[name])
  }

  /** Names of fields may come from the file as well. */
  #name(name: string): string {
    const short = cut(name, 80)
    return this.#path === '' ? short : `${this.#path}.${short}`
  }
}

/** A value in few words, for error messages. */
function describe(value: unknown): string {
  if (value === undefined) return 'none'
  if (typeof value === 'string') return quote(value, 60)
  if (typeof value !== 'object' || value === null) return String(value)
  // Of a large value only the beginning is made text.
  const items = Array.isArray(value) ? value : Object.entries(value)
  const isSmall = items.length <= 8 && !items.flat().some((item) => typeof item === 'object' && item !== null)
  if (!isSmall) return Array.isArray(value) ? `an array of ${items.length}` : `an object of ${items.length}`
  return printable(cut(JSON.stringify(value), 60))
}
