/**
 * The sections and the instructions of a compiled module, so that tests can say what is in it and what is
 * not. Source: WebAssembly Core Specification 3.0, "Binary Format"; the threads proposal for the prefix 0xfe.
 */
import * as assert from 'uvu/assert'

export const SECTION = { start: 8, code: 10, data: 11 } as const

/** Opcodes as `operations` counts them: the byte, or prefix · 0x1000 + the number behind the prefix. */
export const OPCODE = {
  globalSet: 0x24,
  memoryGrow: 0x40,
  firstRelaxed: 0xfd100,
  relaxedMultiplyAdd: 0xfd105,
  lastRelaxed: 0xfd12f,
  atomicNotify: 0xfe000,
  atomicWait32: 0xfe001,
  atomicAdd32: 0xfe01e,
} as const

class Reader {
  readonly bytes: Uint8Array
  at: number
  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }
  byte(): number {
    return this.bytes[this.at++]
  }
  /** An unsigned LEB128 below 2³². */
  unsigned(): number {
    let value = 0
    let shift = 0
    let byte = 0
    do {
      byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      shift += 7
    } while (byte & 0x80)
    return value
  }
  /** A signed LEB128 of 32 bits. */
  signed(): number {
    const start = this.at
    const value = this.unsigned()
    const bits = 7 * (this.at - start)
    return value >= 2 ** (bits - 1) ? value - 2 ** bits : value
  }
  /** LEB128 numbers of any size and sign whose value does not matter. */
  skipNumbers(count: number): void {
    for (let i = 0; i < count; i++) while (this.byte() & 0x80);
  }
}

export interface Section {
  readonly id: number
  readonly start: number
  readonly end: number
}

/** All sections but custom ones. */
export function sections(bytes: Uint8Array): Section[] {
  const reader = new Reader(bytes, 8)
  const found: Section[] = []
  while (reader.at < bytes.length) {
    const id = reader.byte()
    const length = reader.unsigned()
    if (id !== 0) found.push({ id, start: reader.at, end: reader.at + length })
    reader.at += length
  }
  return found
}

/** The bytes that instantiating the module writes: [address, end) of each data segment. */
export function dataRanges(bytes: Uint8Array): { readonly address: number; readonly end: number }[] {
  const data = sections(bytes).find(({ id }) => id === SECTION.data)
  if (!data) return []
  const reader = new Reader(bytes, data.start)
  return Array.from({ length: reader.unsigned() }, () => {
    assert.is(reader.unsigned(), 0, 'a segment is written to memory 0 at once')
    assert.is(reader.byte(), 0x41, 'its address is an i32.const')
    const address = reader.signed()
    assert.is(reader.byte(), 0x0b, 'and nothing else')
    const length = reader.unsigned()
    reader.at += length
    return { address, end: address + length }
  })
}

/** How often each opcode stands in the module's code. Fails for an instruction it does not know. */
export function operations(bytes: Uint8Array): Map<number, number> {
  const code = sections(bytes).find(({ id }) => id === SECTION.code)
  const counts = new Map<number, number>()
  if (!code) return counts
  const reader = new Reader(bytes, code.start)
  for (let functions = reader.unsigned(); functions > 0; functions--) {
    const length = reader.unsigned()
    const end = reader.at + length
    for (let groups = reader.unsigned(); groups > 0; groups--) reader.skipNumbers(2)
    while (reader.at < end) {
      const opcode = readOpcode(reader)
      counts.set(opcode, (counts.get(opcode) ?? 0) + 1)
      skipImmediates(reader, opcode)
    }
    assert.is(reader.at, end, 'a function must end where its last instruction does')
  }
  assert.is(reader.at, code.end, 'the code must end where its last function does')
  return counts
}

function readOpcode(reader: Reader): number {
  const first = reader.byte()
  return first >= 0xfc ? first * 0x1000 + reader.unsigned() : first
}

/** What follows an opcode: so many LEB128 numbers, then so many bytes. */
type Immediates = readonly [numbers: number, bytes: number]

const NONE: Immediates = [0, 0]
const ONE_NUMBER: Immediates = [1, 0]
/** Loads and stores: alignment and offset. */
const MEMORY_ARGUMENT: Immediates = [2, 0]

function skipImmediates(reader: Reader, opcode: number): void {
  const isTable = opcode === 0x0e
  const [numbers, bytes] = isTable ? [reader.unsigned() + 1, 0] : immediates(opcode)
  reader.skipNumbers(numbers)
  reader.at += bytes
}

function immediates(opcode: number): Immediates {
  switch (Math.floor(opcode / 0x1000)) {
    case 0xfd:
      return vectorImmediates(opcode % 0x1000)
    case 0xfe:
      // atomic.fence has one byte.
      return opcode % 0x1000 === 3 ? ONE_NUMBER : MEMORY_ARGUMENT
    case 0xfc:
      return bulkImmediates(opcode % 0x1000)
  }
  if (opcode >= 0x45 && opcode <= 0xc4) return NONE
  if (opcode >= 0x28 && opcode <= 0x3e) return MEMORY_ARGUMENT
  switch (opcode) {
    case 0x00: // unreachable
    case 0x01: // nop
    case 0x05: // else
    case 0x0b: // end
    case 0x0f: // return
    case 0x1a: // drop
    case 0x1b: // select
      return NONE
    case 0x02: // block
    case 0x03: // loop
    case 0x04: // if
    case 0x0c: // br
    case 0x0d: // br_if
    case 0x10: // call
    case 0x20: // local.get
    case 0x21: // local.set
    case 0x22: // local.tee
    case 0x23: // global.get
    case 0x24: // global.set
    case 0x3f: // memory.size
    case 0x40: // memory.grow
    case 0x41: // i32.const
    case 0x42: // i64.const
      return ONE_NUMBER
    case 0x11: // call_indirect
      return [2, 0]
    case 0x43: // f32.const
      return [0, 4]
    case 0x44: // f64.const
      return [0, 8]
    default:
      throw new Error(`unknown opcode ${opcode.toString(16)}`)
  }
}

function vectorImmediates(operation: number): Immediates {
  if (operation <= 11 || operation === 92 || operation === 93) return MEMORY_ARGUMENT
  // Loads and stores of one lane.
  if (operation >= 84 && operation <= 91) return [2, 1]
  // v128.const and i8x16.shuffle.
  if (operation === 12 || operation === 13) return [0, 16]
  // Extract and replace lane.
  if (operation >= 21 && operation <= 34) return [0, 1]
  return NONE
}

function bulkImmediates(operation: number): Immediates {
  // Conversions that saturate; memory.copy names two memories, memory.fill one.
  if (operation <= 7) return NONE
  if (operation === 10) return [2, 0]
  if (operation === 11) return ONE_NUMBER
  throw new Error(`unknown bulk operation ${operation}: of data segments or tables`)
}
