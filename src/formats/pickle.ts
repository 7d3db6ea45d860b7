/**
 * A pickle machine that can do nothing but build data: it knows the opcodes of protocol 2 that a PyTorch
 * state_dict uses, and calls only what its caller lists. Opcodes: CPython's Lib/pickletools.py.
 */
import { FileError } from '../errors.ts'
import { quote } from '../quote.ts'
import { ReaderBudget } from '../reader-budget.ts'
import { viewOf } from './bytes.ts'

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
  SHORT_BINSTRING: 0x55,
  EMPTY_DICT: 0x7d,
  EMPTY_LIST: 0x5d,
  EMPTY_SET: 0x8f,
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
  /** Whether Python takes it as a key of a dict. */
  readonly isHashable: boolean
}

/** A value that nobody asks for, such as a float, bytes or a set: known to be what it is, and read past. */
export class PassedOver implements PickleObject {
  readonly pickleKind: string
  readonly isHashable: boolean
  constructor(pickleKind: string, isHashable: boolean) {
    this.pickleKind = pickleKind
    this.isHashable = isHashable
  }
}

export class PickleTuple {
  readonly items: readonly PickleValue[]
  readonly isHashable: boolean
  constructor(items: readonly PickleValue[]) {
    this.items = items
    this.isHashable = items.every(isHashable)
  }
}

export type DictKind = 'dict' | 'OrderedDict' | 'Counter'

/** A dict; its table is made with the first item. */
export class PickleDict {
  readonly kind: DictKind
  #items: Map<PickleValue, PickleValue> | undefined

  constructor(kind: DictKind) {
    this.kind = kind
  }

  get size(): number {
    return this.#items?.size ?? 0
  }

  get(key: PickleValue): PickleValue | undefined {
    return this.#items?.get(key)
  }

  set(key: PickleValue, value: PickleValue): void {
    this.#items ??= new Map()
    this.#items.set(key, value)
  }

  entries(): Iterable<[PickleValue, PickleValue]> {
    return this.#items ?? []
  }
}

/**
 * Lists are arrays, integers numbers, or bigints from 2⁵³ on. Floats are passed over: no weight is a Python
 * float.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleValue[]
  | PickleTuple
  | PickleDict
  | PickleObject

export function isHashable(value: PickleValue): boolean {
  if (Array.isArray(value) || value instanceof PickleDict) return false
  return typeof value !== 'object' || value === null || value.isHashable
}

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

/** About what V8 takes for each. */
const SLOT_BYTES = 8
/** While a stack grows it is there twice, once half as large again. */
const STACK_SLOT_BYTES = 20
const CHARGED_AT_ONCE = 1024
const TUPLE_BYTES = 96
const LIST_BYTES = 64
const DICT_BYTES = 72
const DICT_TABLE_BYTES = 192
const ITEM_BYTES = 48
const TEXT_BYTES = 48
const MEMO_BYTES = 64

const FLOAT = new PassedOver('float', true)

/**
 * Interprets a pickle as PyTorch's `weights_only` unpickler does (torch/_weights_only_unpickler.py), which
 * takes the opcodes of protocol 2, or refuses it. Nothing is nested in the host's stack, and memory stays
 * within the budget.
 *
 * @throws FileError for any fault
 */
export function unpickle(
  bytes: Uint8Array,
  file: string,
  rules: PickleRules,
  budget = new ReaderBudget(file, bytes.length),
): PickleValue {
  const fault = (problem: string) => new FileError(file, `its pickle cannot be read: ${problem}`)
  const input = new PickleInput(bytes, fault)
  const memo = new Map<number, PickleValue>()
  /** Stacks below open marks. */
  const outer: PickleValue[][] = []
  let stack: PickleValue[] = []
  let protocol = 2
  /** Values that the stack may hold, and those below it, until they are charged for again. */
  let charged = CHARGED_AT_ONCE
  const outerCharged: number[] = []

  const push = (value: PickleValue) => {
    // By the thousand: to charge for each would take longer than the opcode.
    if (stack.length >= charged) {
      budget.objects(1, CHARGED_AT_ONCE * STACK_SLOT_BYTES)
      charged += CHARGED_AT_ONCE
    }
    stack.push(value)
  }
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
    charged = outerCharged.pop() as number
    return items
  }
  const pushTuple = (items: readonly PickleValue[]) => {
    budget.objects(1, TUPLE_BYTES + items.length * SLOT_BYTES)
    push(new PickleTuple(items))
  }
  const pushText = (text: string) => {
    budget.objects(1, TEXT_BYTES + 2 * text.length)
    push(text)
  }
  const setItems = (items: readonly PickleValue[]) => {
    const dict = top()
    if (!(dict instanceof PickleDict) || items.length % 2 !== 0)
      throw fault('items are set on what is no dict')
    if (items.length > 0) budget.objects(1, dict.size === 0 ? DICT_TABLE_BYTES : 0)
    budget.objects(items.length / 2, ITEM_BYTES)
    for (let i = 0; i < items.length; i += 2) {
      if (!isHashable(items[i])) throw fault('a key of a dict is of a kind that Python does not take for one')
      dict.set(items[i], items[i + 1])
    }
  }
  const append = (items: readonly PickleValue[]) => {
    const list = top()
    if (!Array.isArray(list)) throw fault('items are appended to what is no list')
    budget.objects(1, items.length * SLOT_BYTES)
    for (const item of items) list.push(item)
  }
  const takeTuple = (size: number) => {
    if (stack.length < size) throw fault('its stack is empty')
    pushTuple(stack.splice(stack.length - size, size))
  }
  const remember = (index: number) => {
    budget.objects(1, MEMO_BYTES)
    memo.set(index, top())
  }
  const remembered = (index: number): PickleValue => {
    const value = memo.get(index)
    if (value === undefined) throw fault(`it asks for memo ${index}, which is not set`)
    return value
  }

  for (;;) {
    const opcode = input.uint8()
    switch (opcode) {
      case Op.PROTO:
        protocol = input.uint8()
        break
      case Op.STOP: {
        if (stack.length !== 1 || outer.length !== 0) throw fault('it ends in the middle')
        return stack[0]
      }
      case Op.MARK:
        budget.objects(1, LIST_BYTES)
        budget.depth(outer.push(stack))
        outerCharged.push(charged)
        stack = []
        charged = CHARGED_AT_ONCE
        break
      case Op.NONE:
        push(null)
        break
      case Op.NEWTRUE:
        push(true)
        break
      case Op.NEWFALSE:
        push(false)
        break
      case Op.BININT1:
        push(input.uint8())
        break
      case Op.BININT2:
        push(input.uint16())
        break
      case Op.BININT:
        push(input.int32())
        break
      case Op.LONG1:
        push(input.long(input.uint8()))
        break
      case Op.BINFLOAT:
        input.skip(8)
        push(FLOAT)
        break
      case Op.BINUNICODE:
        pushText(input.text(input.uint32()))
        break
      case Op.SHORT_BINSTRING:
        pushText(input.text(input.uint8()))
        break
      case Op.EMPTY_DICT:
        budget.objects(1, DICT_BYTES)
        push(new PickleDict('dict'))
        break
      case Op.EMPTY_LIST:
        budget.objects(1, LIST_BYTES)
        push([])
        break
      case Op.EMPTY_SET:
        push(SET)
        break
      case Op.EMPTY_TUPLE:
        push(EMPTY_TUPLE)
        break
      case Op.TUPLE:
        pushTuple(popToMark())
        break
      case Op.TUPLE1:
        takeTuple(1)
        break
      case Op.TUPLE2:
        takeTuple(2)
        break
      case Op.TUPLE3:
        takeTuple(3)
        break
      case Op.BINPUT:
        remember(input.uint8())
        break
      case Op.LONG_BINPUT:
        remember(input.uint32())
        break
      case Op.BINGET:
        push(remembered(input.uint8()))
        break
      case Op.LONG_BINGET:
        push(remembered(input.uint32()))
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
            `its pickle asks for ${quote(name)}, which is never executed. ${rules.hint}`,
          )
        }
        push(value)
        break
      }
      case Op.REDUCE: {
        const args = pop()
        if (!(args instanceof PickleTuple)) throw fault('a call has no arguments')
        budget.objects(1, TUPLE_BYTES)
        const result = rules.call(pop(), args.items)
        if (result === undefined) throw fault('a call has arguments that do not fit')
        push(result)
        break
      }
      case Op.BINPERSID: {
        const result = rules.persistent(pop())
        if (result === undefined) throw fault('a storage is not described as torch.save does')
        budget.objects(1, TUPLE_BYTES)
        push(result)
        break
      }
      case Op.BUILD: {
        // The attributes of an OrderedDict (`_metadata`: versions of modules) are of no use here.
        if (!(pop() instanceof PickleDict)) throw fault('attributes are set from what is no dict')
        const built = top()
        if (!(built instanceof PickleDict) || built.kind === 'dict') {
          throw fault('attributes are set on what has none')
        }
        break
      }
      default: {
        const code = `opcode 0x${opcode.toString(16).padStart(2, '0')} is not among those of a state_dict`
        const wanted = "; expected protocol 2 (torch.save's default), found"
        throw fault(protocol === 2 ? code : `${code}${wanted} ${protocol}`)
      }
    }
  }
}

/** Sets and empty tuples have no content that anybody asks for. */
export const SET = new PassedOver('set', false)
const EMPTY_TUPLE = new PickleTuple([])

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

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

  skip(length: number): void {
    this.#take(length)
  }

  /** Two's complement, little-endian, of up to 255 bytes. */
  long(length: number): number | bigint {
    const start = this.#take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i])
    const integer = BigInt.asIntN(8 * length, value)
    const number = Number(integer)
    return Number.isSafeInteger(number) ? number : integer
  }

  text(length: number): string {
    const start = this.#take(length)
    try {
      return UTF8.decode(new Uint8Array(this.#bytes.subarray(start, start + length)))
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
