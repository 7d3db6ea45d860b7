/**
 * A pickle machine that can do nothing but build data: it knows the opcodes of protocol 2 that a PyTorch state_dict
 * uses, and calls only what its caller lists. Opcodes: CPython's Lib/pickletools.py.
 */
import { FileError } from '../errors.ts'
import { viewOf } from './bytes.ts'
import { quoteName } from './tensor.ts'

/** Opcodes by pickletools' names. */
export const Op = {
  PROTO: 0x80,
  STOP: 0x2e,
  MARK: 0x28,
  NONE: 0x4e,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  BININT1: 0x4b,
  BININT2: 0x4d,
  BININT: 0x4a,
  LONG1: 0x8a,
  BINFLOAT: 0x47,
  BINUNICODE: 0x58,
  EMPTY_DICT: 0x7d,
  EMPTY_LIST: 0x5d,
  EMPTY_TUPLE: 0x29,
  TUPLE: 0x74,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  BINGET: 0x68,
  LONG_BINGET: 0x6a,
  SETITEM: 0x73,
  SETITEMS: 0x75,
  APPEND: 0x61,
  APPENDS: 0x65,
  GLOBAL: 0x63,
  REDUCE: 0x52,
  BINPERSID: 0x51,
  BUILD: 0x62,
} as const

/** What a listed global stands for or made; each user narrows with instanceof. */
export interface PickleObject {
  readonly pickleKind: string
}

/** Tuples and lists are arrays, dicts are Maps, integers are numbers. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject

export interface PickleRules {
  /** The value of `module.name`, or undefined to have it refused. */
  readonly global: (name: string) => PickleValue | undefined
  /** Calls a global on its arguments; undefined to have the call refused. */
  readonly call: (callee: PickleValue, args: readonly PickleValue[]) => PickleValue | undefined
  /** The object that a persistent id stands for; undefined to have it refused. */
  readonly persistent: (id: PickleValue) => PickleValue | undefined
  /** What to tell a user whose file needs a global that is refused. */
  readonly hint: string
}

/**
 * Interprets a pickle. Nesting needs no recursion, and memory stays within a small multiple of the pickle's size.
 *
 * @throws FileError for any fault
 */
export function unpickle(bytes: Uint8Array, file: string, rules: PickleRules): PickleValue {
  const fault = (problem: string) => new FileError(file, `its pickle cannot be read: ${problem}`)
  const input = new PickleInput(bytes, fault)
  const memo = new Map<number, PickleValue>()
  /** Stacks below open marks. */
  const outer: PickleValue[][] = []
  let stack: PickleValue[] = []

  const pop = (): PickleValue => {
    const value = stack.pop()
    if (value === undefined) throw fault('its stack is empty')
    return value
  }
  const top = (): PickleValue => {
    if (stack.length === 0) throw fault('its stack is empty')
    return stack[stack.length - 1]
  }
  const popToMark = (): PickleValue[] => {
    const items = stack
    const below = outer.pop()
    if (below === undefined) throw fault('a mark is missing')
    stack = below
    return items
  }
  const tupleFromMark = () => {
    const items = popToMark()
    stack.push(items)
  }
  const setItems = (items: readonly PickleValue[]) => {
    const dict = top()
    if (!(dict instanceof Map) || items.length % 2 !== 0) throw fault('items are set on what is no dict')
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1])
  }
  const append = (items: readonly PickleValue[]) => {
    const list = top()
    if (!Array.isArray(list)) throw fault('items are appended to what is no list')
    for (const item of items) list.push(item)
  }
  const tuple = (size: number) => {
    if (stack.length < size) throw fault('its stack is empty')
    stack.push(stack.splice(stack.length - size, size))
  }
  const remembered = (index: number): PickleValue => {
    const value = memo.get(index)
    if (value === undefined) throw fault(`it asks for memo ${index}, which is not set`)
    return value
  }

  for (;;) {
    const opcode = input.uint8()
    switch (opcode) {
      case Op.PROTO: {
        const protocol = input.uint8()
        if (protocol !== 2) throw fault(`expected protocol 2 (torch.save's default), found ${protocol}`)
        break
      }
      case Op.STOP: {
        if (stack.length !== 1 || outer.length !== 0) throw fault('it ends in the middle')
        return stack[0]
      }
      case Op.MARK:
        outer.push(stack)
        stack = []
        break
      case Op.NONE:
        stack.push(null)
        break
      case Op.NEWTRUE:
        stack.push(true)
        break
      case Op.NEWFALSE:
        stack.push(false)
        break
      case Op.BININT1:
        stack.push(input.uint8())
        break
      case Op.BININT2:
        stack.push(input.uint16())
        break
      case Op.BININT:
        stack.push(input.int32())
        break
      case Op.LONG1:
        stack.push(input.long(input.uint8()))
        break
      case Op.BINFLOAT:
        stack.push(input.float64())
        break
      case Op.BINUNICODE:
        stack.push(input.text(input.uint32()))
        break
      case Op.EMPTY_DICT:
        stack.push(new Map())
        break
      case Op.EMPTY_LIST:
      case Op.EMPTY_TUPLE:
        stack.push([])
        break
      case Op.TUPLE:
        tupleFromMark()
        break
      case Op.TUPLE1:
        tuple(1)
        break
      case Op.TUPLE2:
        tuple(2)
        break
      case Op.TUPLE3:
        tuple(3)
        break
      case Op.BINPUT:
        memo.set(input.uint8(), top())
        break
      case Op.LONG_BINPUT:
        memo.set(input.uint32(), top())
        break
      case Op.BINGET:
        stack.push(remembered(input.uint8()))
        break
      case Op.LONG_BINGET:
        stack.push(remembered(input.uint32()))
        break
      case Op.SETITEM: {
        const value = pop()
        setItems([pop(), value])
        break
      }
      case Op.SETITEMS:
        setItems(popToMark())
        break
      case Op.APPEND:
        append([pop()])
        break
      case Op.APPENDS:
        append(popToMark())
        break
      case Op.GLOBAL: {
        const name = `${input.line()}.${input.line()}`
        const value = rules.global(name)
        if (value === undefined) {
          throw new FileError(
            file,
            `its pickle asks for ${quoteName(name)}, which is never executed. ${rules.hint}`,
          )
        }
        stack.push(value)
        break
      }
      case Op.REDUCE: {
        const args = pop()
        if (!Array.isArray(args)) throw fault('a call has no arguments')
        const result = rules.call(pop(), args)
        if (result === undefined) throw fault('a call has arguments that do not fit')
        stack.push(result)
        break
      }
      case Op.BINPERSID: {
        const result = rules.persistent(pop())
        if (result === undefined) throw fault('a storage is not described as torch.save does')
        stack.push(result)
        break
      }
      case Op.BUILD:
        // The attributes of an OrderedDict (`_metadata`: versions of modules) are of no use here.
        pop()
        if (!(top() instanceof Map)) throw fault('attributes are set on what is no dict')
        break
      default:
        throw fault(`opcode 0x${opcode.toString(16).padStart(2, '0')} is not among those of a state_dict`)
    }
  }
}

/** Reads operands; every read is within bounds or a FileError. */
class PickleInput {
  #bytes: Uint8Array
  #view: DataView
  #fault: (problem: string) => FileError
  #at = 0

  constructor(bytes: Uint8Array, fault: (problem: string) => FileError) {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
    this.#fault = fault
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true)
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** Big-endian, unlike all else in a pickle. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8), false)
  }

  /** Two's complement, little-endian, of any number of bytes. */
  long(length: number): number {
    const start = this.#take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i])
    const number = Number(BigInt.asIntN(8 * length, value))
    if (!Number.isSafeInteger(number)) throw this.#fault('an integer exceeds 2^53')
    return number
  }

  text(length: number): string {
    const start = this.#take(length)
    try {
      const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
      return decoder.decode(new Uint8Array(this.#bytes.subarray(start, start + length)))
    } catch {
      throw this.#fault('a text is not UTF-8')
    }
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) throw this.#fault('it is truncated')
    const line = this.text(end - this.#at)
    this.#at++
    return line
  }

  #take(length: number): number {
    const start = this.#at
    if (start + length > this.#bytes.length) throw this.#fault('it is truncated')
    this.#at += length
    return start
  }
}
