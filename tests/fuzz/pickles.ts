/** Pickles taken apart into opcodes, changed, and put together again: what reaches beyond the first check. */
import { concatBytes, viewOf } from '../../src/formats/bytes.ts'
import { Op } from '../../src/formats/pickle.ts'
import type { RandomSequence } from '../../src/random/sequence.ts'
import { damage, pick, TELLING_NUMBERS } from './damage.ts'

const MOST_REPEATED_BYTES = 20_000

/** An opcode with its operand, as bytes. */
type Instruction = Uint8Array

const OPERAND_BYTES: Readonly<Record<number, number>> = {
  [Op.PROTO]: 1,
  [Op.BININT1]: 1,
  [Op.BININT2]: 2,
  [Op.BININT]: 4,
  [Op.BINFLOAT]: 8,
  [Op.BINPUT]: 1,
  [Op.LONG_BINPUT]: 4,
  [Op.BINGET]: 1,
  [Op.LONG_BINGET]: 4,
}

/** Globals that the reader knows, and some that it must not. */
const GLOBALS = [
  'collections.OrderedDict',
  'collections.Counter',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_tensor_v3',
  'torch._utils._rebuild_parameter',
  'torch.FloatStorage',
  'torch.BoolStorage',
  'torch.storage.UntypedStorage',
  'torch.float32',
  'torch.Size',
  'torch.device',
  '_codecs.encode',
  '__builtin__.set',
  'builtins.bytearray',
  'builtins.complex',
  'os.system',
  'torch._utils._rebuild_sparse_tensor',
]

/** Of any bytes: what is no whole instruction at the end is one of its own. */
function instructionsOf(pickle: Uint8Array): Instruction[] {
  const instructions: Instruction[] = []
  for (let at = 0; at < pickle.length; ) {
    const end = Math.min(pickle.length, at + lengthAt(pickle, at))
    instructions.push(pickle.subarray(at, end))
    at = end
  }
  return instructions
}

function lengthAt(pickle: Uint8Array, at: number): number {
  const opcode = pickle[at]
  if (opcode === Op.BINUNICODE && at + 5 <= pickle.length) return 5 + viewOf(pickle).getUint32(at + 1, true)
  if ((opcode === Op.SHORT_BINSTRING || opcode === Op.LONG1) && at + 2 <= pickle.length)
    return 2 + pickle[at + 1]
  if (opcode === Op.GLOBAL) {
    const first = pickle.indexOf(0x0a, at)
    const second = first < 0 ? -1 : pickle.indexOf(0x0a, first + 1)
    return (second < 0 ? pickle.length : second + 1) - at
  }
  return 1 + (OPERAND_BYTES[opcode] ?? 0)
}

/** One to six edits of whole instructions, now and then followed by damage to bytes. */
export function damagePickle(pickle: Uint8Array, random: RandomSequence): Uint8Array {
  const instructions = instructionsOf(pickle)
  const edits = 1 + random.below(6)
  for (let edit = 0; edit < edits && instructions.length > 1; edit++) change(instructions, random)
  const bytes = concatBytes(instructions)
  return random.below(8) === 0 ? damage(bytes, random) : bytes
}

function change(instructions: Instruction[], random: RandomSequence): void {
  const at = random.below(instructions.length)
  const other = random.below(instructions.length)
  switch (random.below(8)) {
    case 0:
      instructions.splice(at, 1)
      break
    case 1:
      instructions.splice(at, 0, instructions[other])
      break
    case 2:
      ;[instructions[at], instructions[other]] = [instructions[other], instructions[at]]
      break
    case 3: {
      // A piece again and again: what is quadratic, or keeps too much, shows.
      const piece = instructions.slice(at, at + 1 + random.below(12))
      const length = piece.reduce((sum, instruction) => sum + instruction.length, 0)
      const times = 1 + random.below(Math.min(200, Math.ceil(MOST_REPEATED_BYTES / length)))
      instructions.splice(at, 0, ...Array.from({ length: times }, () => piece).flat())
      break
    }
    case 4:
      instructions[at] = randomInstruction(random)
      break
    case 5:
      instructions.splice(at, 0, randomInstruction(random))
      break
    case 6:
      instructions[at] = withOtherOperand(instructions[at], random)
      break
    default:
      // What is remembered and asked for again is one object in two places.
      instructions.splice(at, 0, Uint8Array.of(Op.BINPUT, random.below(4)))
      instructions.splice(other, 0, Uint8Array.of(Op.BINGET, random.below(4)))
  }
}

function withOtherOperand(instruction: Instruction, random: RandomSequence): Instruction {
  const [opcode] = instruction
  if (opcode === Op.GLOBAL) return globalInstruction(pick(GLOBALS, random))
  if (opcode === Op.BINUNICODE) return textInstruction(pick(['storage', '0', 'cpu', 'neg', 'x'], random))
  const isInteger = opcode === Op.BININT || opcode === Op.BININT1 || opcode === Op.BININT2
  return isInteger ? integerInstruction(pick(TELLING_NUMBERS, random)) : instruction
}

function randomInstruction(random: RandomSequence): Instruction {
  const opcode = pick(Object.values(Op), random)
  if (opcode === Op.GLOBAL) return globalInstruction(pick(GLOBALS, random))
  if (opcode === Op.BINUNICODE) return textInstruction('x'.repeat(random.below(20)))
  if (opcode === Op.LONG1 || opcode === Op.SHORT_BINSTRING) {
    const length = random.below(12)
    return Uint8Array.of(opcode, length, ...Array.from({ length }, () => random.below(256)))
  }
  const operand = Array.from({ length: OPERAND_BYTES[opcode] ?? 0 }, () => random.below(256))
  return Uint8Array.of(opcode, ...operand)
}

function globalInstruction(name: string): Instruction {
  const dot = name.lastIndexOf('.')
  const lines = new TextEncoder().encode(`${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`)
  return Uint8Array.of(Op.GLOBAL, ...lines)
}

function textInstruction(text: string): Instruction {
  const encoded = new TextEncoder().encode(text)
  const instruction = new Uint8Array(5 + encoded.length)
  instruction[0] = Op.BINUNICODE
  viewOf(instruction).setUint32(1, encoded.length, true)
  instruction.set(encoded, 5)
  return instruction
}

/** As LONG1 of eight bytes, or BINFLOAT where it is no whole number of that size. */
function integerInstruction(value: number): Instruction {
  if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 63) {
    const float = new Uint8Array(9)
    float[0] = Op.BINFLOAT
    viewOf(float).setFloat64(1, value, false)
    return float
  }
  const long = new Uint8Array(10)
  long.set([Op.LONG1, 8])
  viewOf(long).setBigInt64(2, BigInt(value), true)
  return long
}
