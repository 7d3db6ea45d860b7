/**
 * Writes the pickles that `unpickle` reads: protocol 2, the newest that `torch.load(weights_only=True)`
 * takes.
 */
import { Op } from './pickle.ts'

/** Each method appends to the program of a stack machine and returns the writer. */
export class PickleWriter {
  #bytes: number[] = [Op.PROTO, 2]

  text(text: string): this {
    const encoded = new TextEncoder().encode(text)
    this.#bytes.push(Op.BINUNICODE)
    this.#uint32(encoded.length)
    for (const byte of encoded) this.#bytes.push(byte)
    return this
  }

  /** A whole number in [0, 2⁵³). */
  integer(value: number): this {
    if (value < 2 ** 31) {
      this.#bytes.push(Op.BININT)
      this.#uint32(value)
    } else {
      this.#bytes.push(Op.LONG1, 8)
      this.#uint32(value % 2 ** 32)
      this.#uint32(Math.floor(value / 2 ** 32))
    }
    return this
  }

  integers(values: readonly number[]): this {
    return this.tuple(() => {
      for (const value of values) this.integer(value)
    })
  }

  false(): this {
    return this.bytes(Op.NEWFALSE)
  }

  true(): this {
    return this.bytes(Op.NEWTRUE)
  }

  /** An empty dict. */
  dict(): this {
    return this.bytes(Op.EMPTY_DICT)
  }

  /** Opcodes and operands as they are. */
  bytes(...bytes: readonly number[]): this {
    for (const byte of bytes) this.#bytes.push(byte)
    return this
  }

  /** The value of a whole pickle, whose memo is its own to keep apart. */
  append(pickle: Uint8Array): this {
    return this.bytes(...pickle.subarray(2, -1))
  }

  /** The object `module.name` that the reader looks up. */
  global(qualifiedName: string): this {
    const dot = qualifiedName.lastIndexOf('.')
    this.#bytes.push(Op.GLOBAL)
    const lines = `${qualifiedName.slice(0, dot)}\n${qualifiedName.slice(dot + 1)}\n`
    for (const byte of new TextEncoder().encode(lines)) this.#bytes.push(byte)
    return this
  }

  emptyOrderedDict(): this {
    return this.global('collections.OrderedDict')
      .tuple(() => {})
      .reduce()
  }

  /** All that `content` writes becomes one tuple. */
  tuple(content: () => void): this {
    this.#bytes.push(Op.MARK)
    content()
    this.#bytes.push(Op.TUPLE)
    return this
  }

  /** `content` writes key, value, key, value …, which become items of the dict on top of the stack. */
  items(content: () => void): this {
    this.#bytes.push(Op.MARK)
    content()
    this.#bytes.push(Op.SETITEMS)
    return this
  }

  /** Calls the global below the top of the stack with the tuple on top. */
  reduce(): this {
    this.#bytes.push(Op.REDUCE)
    return this
  }

  /** Replaces the id on top of the stack by the object that it stands for. */
  persistentId(): this {
    this.#bytes.push(Op.BINPERSID)
    return this
  }

  finish(): Uint8Array {
    return Uint8Array.from([...this.#bytes, Op.STOP])
  }

  #uint32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.#bytes.push((value >>> shift) & 0xff)
  }
}
