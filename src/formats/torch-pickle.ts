/**
 * What the pickle of a PyTorch state_dict is made of: an allow-list of globals, each a description and none a
 * call into anything. Names and arguments: PyTorch's torch/_utils.py, torch/serialization.py,
 * torch/_weights_only_unpickler.py.
 *
 * It is a part of what `torch.load(weights_only=True)` allows, and takes no arguments that PyTorch would
 * refuse. What tells nothing of the weights (sets, bytes, dtypes, devices) is passed over; what could and is
 * not understood (sparse and quantized tensors, tensors with attributes) is refused by name.
 */
import type { ReaderBudget } from '../reader-budget.ts'
import {
  type DictKind,
  isHashable,
  PassedOver,
  PickleDict,
  type PickleObject,
  type PickleRules,
  PickleTuple,
  type PickleValue,
  SET,
} from './pickle.ts'
import type { DType } from './tensor.ts'

export const RESAVE = "Re-save it in PyTorch: torch.save(model.state_dict(), 'weights.pth')"

export const STORAGE_DTYPES: ReadonlyMap<string, DType> = new Map([
  ['torch.FloatStorage', 'F32'],
  ['torch.DoubleStorage', 'F64'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
])

/** Bytes without a type, of tensors whose dtype has no storage of its own (`_rebuild_tensor_v3`). */
const UNTYPED_STORAGE = 'torch.storage.UntypedStorage'

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ['torch.float32', 'F32'],
  ['torch.float64', 'F64'],
  ['torch.float16', 'F16'],
  ['torch.bfloat16', 'BF16'],
  ['torch.int64', 'I64'],
  ['torch.uint64', 'U64'],
  ['torch.int32', 'I32'],
  ['torch.uint32', 'U32'],
  ['torch.int16', 'I16'],
  ['torch.uint16', 'U16'],
  ['torch.int8', 'I8'],
  ['torch.uint8', 'U8'],
  ['torch.bool', 'BOOL'],
])

const FLOATING: ReadonlySet<DType> = new Set<DType>(['F64', 'F32', 'F16', 'BF16'])

/** A tensor of more dimensions is refused: its shape would be checked again for each of its views. */
const MOST_DIMENSIONS = 64

const LATIN1: ReadonlySet<PickleValue | undefined> = new Set(['latin1', 'latin-1'])

/** Kinds of device, as `torch.device` takes them by name, with a number or without. */
const DEVICE = /^(cpu|cuda|mps|xpu|meta|hpu|xla)(:\d{1,3})?$/
const DEVICE_KIND = /^[a-z]+$/

const BYTES = new PassedOver('bytes', true)
const BYTEARRAY = new PassedOver('bytearray', false)
const COMPLEX = new PassedOver('complex', true)
const DEVICE_VALUE = new PassedOver('device', true)

type Call = (args: readonly PickleValue[], budget: ReaderBudget) => PickleValue | undefined

class Callable implements PickleObject {
  readonly pickleKind = 'callable'
  readonly isHashable = true
  readonly call: Call
  constructor(call: Call) {
    this.call = call
  }
}

class StorageType implements PickleObject {
  readonly pickleKind = 'storage type'
  readonly isHashable = true
  readonly dtype: DType
  readonly isUntyped: boolean
  constructor(dtype: DType, isUntyped = false) {
    this.dtype = dtype
    this.isUntyped = isUntyped
  }
}

class DTypeValue implements PickleObject {
  readonly pickleKind = 'dtype'
  readonly isHashable = true
  readonly dtype: DType
  constructor(dtype: DType) {
    this.dtype = dtype
  }
}

export class Storage implements PickleObject {
  readonly pickleKind = 'storage'
  readonly isHashable = true
  readonly key: string
  readonly dtype: DType
  readonly isUntyped: boolean
  /** In elements of its dtype; in bytes where it is untyped. */
  readonly length: number
  constructor(key: string, { dtype, isUntyped }: StorageType, length: number) {
    this.key = key
    this.dtype = dtype
    this.isUntyped = isUntyped
    this.length = length
  }
}

/** A view of a storage; offset and strides in elements of its dtype. */
export class TensorView implements PickleObject {
  readonly pickleKind = 'tensor'
  readonly isHashable = true
  readonly storage: Storage
  readonly dtype: DType
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  /** PyTorch's `neg` bit: the values are those of the storage with the other sign. */
  readonly isNegated: boolean
  constructor(layout: Omit<TensorView, 'pickleKind' | 'isHashable'>) {
    this.storage = layout.storage
    this.dtype = layout.dtype
    this.offset = layout.offset
    this.shape = layout.shape
    this.strides = layout.strides
    this.isNegated = layout.isNegated
  }
}

const isSize = (value: PickleValue | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** The sizes in a tuple or list, or undefined. */
function sizesOf(value: PickleValue | undefined, budget: ReaderBudget): readonly number[] | undefined {
  const items = itemsOf(value)
  if (items === undefined || items.length > MOST_DIMENSIONS) return undefined
  budget.work(items.length)
  return items.every(isSize) ? (items as number[]) : undefined
}

function itemsOf(value: PickleValue | undefined): readonly PickleValue[] | undefined {
  if (value instanceof PickleTuple) return value.items
  return Array.isArray(value) ? value : undefined
}

const isEmptyOrderedDict = (value: PickleValue | undefined) =>
  value instanceof PickleDict && value.kind === 'OrderedDict' && value.size === 0

/**
 * Whether the seventh argument, flags of a tensor, sets the one that is understood; undefined for any other
 * flag.
 */
function negation(metadata: PickleValue | undefined): boolean | undefined {
  if (metadata === undefined || metadata === null) return false
  if (!(metadata instanceof PickleDict)) return undefined
  if (metadata.size === 0) return false
  return metadata.size === 1 && metadata.get('neg') === true ? true : undefined
}

interface TensorArguments {
  readonly storage: PickleValue
  readonly dtype: DType
  readonly offset: PickleValue
  readonly shape: PickleValue
  readonly strides: PickleValue
  readonly requiresGrad: PickleValue
  readonly hooks: PickleValue
  readonly metadata: PickleValue | undefined
}

function rebuildTensor(args: TensorArguments, budget: ReaderBudget): TensorView | undefined {
  const { storage, dtype, offset, requiresGrad } = args
  const shape = sizesOf(args.shape, budget)
  const strides = sizesOf(args.strides, budget)
  const isNegated = negation(args.metadata)
  if (!(storage instanceof Storage) || !isSize(offset) || shape === undefined || strides === undefined) {
    return undefined
  }
  if (shape.length !== strides.length || !isEmptyOrderedDict(args.hooks)) return undefined
  if (typeof requiresGrad !== 'boolean' || isNegated === undefined) return undefined
  if (!FLOATING.has(dtype) && (requiresGrad || isNegated)) return undefined
  return new TensorView({ storage, dtype, offset, shape, strides, isNegated })
}

/** (storage, offset, size, stride, requires_grad, backward_hooks[, metadata]) */
const rebuildTensorV2: Call = (args, budget) => {
  if (args.length < 6 || args.length > 7) return undefined
  const [storage, offset, shape, strides, requiresGrad, hooks, metadata] = args
  if (!(storage instanceof Storage) || storage.isUntyped) return undefined
  const { dtype } = storage
  return rebuildTensor({ storage, dtype, offset, shape, strides, requiresGrad, hooks, metadata }, budget)
}

/** (untyped storage, offset, size, stride, requires_grad, backward_hooks, dtype[, metadata]) */
const rebuildTensorV3: Call = (args, budget) => {
  if (args.length < 7 || args.length > 8) return undefined
  const [storage, offset, shape, strides, requiresGrad, hooks, type, metadata] = args
  if (!(storage instanceof Storage) || !storage.isUntyped || !(type instanceof DTypeValue)) return undefined
  const { dtype } = type
  return rebuildTensor({ storage, dtype, offset, shape, strides, requiresGrad, hooks, metadata }, budget)
}

/** (data, requires_grad, backward_hooks) */
const rebuildParameter: Call = (args) => {
  const [data, requiresGrad, hooks] = args
  if (args.length !== 3 || !(data instanceof TensorView)) return undefined
  if (typeof requiresGrad !== 'boolean' || (requiresGrad && !FLOATING.has(data.dtype))) return undefined
  return isEmptyOrderedDict(hooks) ? data : undefined
}

/** Of a dict, which may be given another dict to copy. */
function makeDict(kind: DictKind): Call {
  return (args, budget) => {
    const dict = new PickleDict(kind)
    budget.objects(1, 72)
    if (args.length === 0) return dict
    const [from] = args
    if (kind !== 'Counter' || args.length !== 1 || !(from instanceof PickleDict)) return undefined
    budget.work(from.size)
    budget.objects(from.size, 48)
    for (const [key, value] of from.entries()) dict.set(key, value)
    return dict
  }
}

const makeSet: Call = (args, budget) => {
  if (args.length === 0) return SET
  const items = itemsOf(args[0])
  if (args.length !== 1 || items === undefined) return undefined
  budget.work(items.length)
  return items.every(isHashable) ? SET : undefined
}

/** How protocol 2 writes bytes: as text, each byte a character of Latin-1. */
function isLatin1(args: readonly PickleValue[], budget: ReaderBudget): boolean {
  const [text, encoding] = args
  if (args.length !== 2 || typeof text !== 'string' || !LATIN1.has(encoding)) return false
  budget.work(text.length)
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false
  return true
}

const makeBytes: Call = (args, budget) => (isLatin1(args, budget) ? BYTES : undefined)

const makeByteArray: Call = (args, budget) => {
  if (args.length === 0 || (args.length === 1 && args[0] === BYTES)) return BYTEARRAY
  return isLatin1(args, budget) ? BYTEARRAY : undefined
}

const makeComplex: Call = (args) => {
  const isNumber = (value: PickleValue) =>
    typeof value === 'number' || (value instanceof PassedOver && value.pickleKind === 'float')
  return args.length === 2 && args.every(isNumber) ? COMPLEX : undefined
}

/** A torch.Size is a tuple to all who read it. */
const makeSize: Call = (args, budget) => {
  const items = itemsOf(args[0])
  if (args.length !== 1 || items === undefined) return undefined
  budget.work(items.length)
  budget.objects(1, 8 * items.length)
  const isInteger = (value: PickleValue) => typeof value === 'number'
  return items.every(isInteger) ? new PickleTuple([...items]) : undefined
}

const makeDevice: Call = (args) => {
  const [kind, index] = args
  if (typeof kind !== 'string' || !DEVICE.test(kind)) return undefined
  if (args.length === 1) return DEVICE_VALUE
  const isIndex = isSize(index) && index < 128 && DEVICE_KIND.test(kind)
  return args.length === 2 && isIndex ? DEVICE_VALUE : undefined
}

const GLOBALS: ReadonlyMap<string, PickleObject> = new Map<string, PickleObject>([
  ['collections.OrderedDict', new Callable(makeDict('OrderedDict'))],
  ['collections.Counter', new Callable(makeDict('Counter'))],
  ['torch._utils._rebuild_tensor_v2', new Callable(rebuildTensorV2)],
  ['torch._utils._rebuild_tensor_v3', new Callable(rebuildTensorV3)],
  ['torch._utils._rebuild_parameter', new Callable(rebuildParameter)],
  ['torch.Size', new Callable(makeSize)],
  ['torch.device', new Callable(makeDevice)],
  ['_codecs.encode', new Callable(makeBytes)],
  // Protocol 2 calls Python 3's builtins by the name that they have in Python 2.
  ...['builtins', '__builtin__'].flatMap((module): [string, PickleObject][] => [
    [`${module}.set`, new Callable(makeSet)],
    [`${module}.bytearray`, new Callable(makeByteArray)],
    [`${module}.complex`, new Callable(makeComplex)],
  ]),
  [UNTYPED_STORAGE, new StorageType('U8', true)],
  ...[...STORAGE_DTYPES].map(([name, dtype]): [string, PickleObject] => [name, new StorageType(dtype)]),
  ...[...DTYPES].map(([name, dtype]): [string, PickleObject] => [name, new DTypeValue(dtype)]),
])

/** @param onStorage is told each storage that the pickle describes, needed or not: PyTorch loads them all */
export function stateDictRules(
  budget: ReaderBudget,
  onStorage: (storage: Storage) => void,
  onTensor: (view: TensorView) => void,
): PickleRules {
  return {
    global: (name) => GLOBALS.get(name),
    call: (callee, args) => {
      const result = callee instanceof Callable ? callee.call(args, budget) : undefined
      if (result instanceof TensorView) onTensor(result)
      return result
    },
    persistent: (id) => {
      // ('storage', storage type, key, location, number of elements)
      if (!(id instanceof PickleTuple) || id.items.length !== 5 || id.items[0] !== 'storage') return undefined
      const [, type, key, location, length] = id.items
      if (!(type instanceof StorageType) || typeof key !== 'string' || !isSize(length)) return undefined
      if (typeof location !== 'string') return undefined
      const storage = new Storage(key, type, length)
      onStorage(storage)
      return storage
    },
    hint: `Only a state_dict is read; if this is a whole pickled module, save its state_dict. ${RESAVE}`,
  }
}
