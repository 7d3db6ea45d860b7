/**
 * What the pickle of a PyTorch state_dict is made of: an allow-list of globals, each a description and none a call into
 * anything. Names and arguments: PyTorch's torch/_utils.py and torch/serialization.py.
 */
import type { PickleObject, PickleRules, PickleValue } from './pickle.ts'
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

class Callable implements PickleObject {
  readonly pickleKind = 'callable'
  readonly call: (args: readonly PickleValue[]) => PickleValue | undefined
  constructor(call: (args: readonly PickleValue[]) => PickleValue | undefined) {
    this.call = call
  }
}

class StorageType implements PickleObject {
  readonly pickleKind = 'storage type'
  readonly dtype: DType
  constructor(dtype: DType) {
    this.dtype = dtype
  }
}

export class Storage implements PickleObject {
  readonly pickleKind = 'storage'
  readonly key: string
  readonly dtype: DType
  /** In elements. */
  readonly length: number
  constructor(key: string, dtype: DType, length: number) {
    this.key = key
    this.dtype = dtype
    this.length = length
  }
}

/** A view of a storage; offset and strides in elements. */
export class TensorView implements PickleObject {
  readonly pickleKind = 'tensor'
  readonly storage: Storage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

const isSize = (value: PickleValue | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
const areSizes = (value: PickleValue | undefined): value is number[] =>
  Array.isArray(value) && value.every(isSize)

const GLOBALS: ReadonlyMap<string, PickleObject> = new Map<string, PickleObject>([
  ['collections.OrderedDict', new Callable((args) => (args.length === 0 ? new Map() : undefined))],
  [
    // (storage, offset, size, stride, requires_grad, backward_hooks[, metadata])
    'torch._utils._rebuild_tensor_v2',
    new Callable(([storage, offset, shape, strides]) =>
      storage instanceof Storage &&
      isSize(offset) &&
      areSizes(shape) &&
      areSizes(strides) &&
      shape.length === strides.length
        ? new TensorView(storage, offset, shape, strides)
        : undefined,
    ),
  ],
  [
    // (data, requires_grad, backward_hooks)
    'torch._utils._rebuild_parameter',
    new Callable(([data]) => (data instanceof TensorView ? data : undefined)),
  ],
  ...[...STORAGE_DTYPES].map(([name, dtype]): [string, PickleObject] => [name, new StorageType(dtype)]),
])

export const STATE_DICT_RULES: PickleRules = {
  global: (name) => GLOBALS.get(name),
  call: (callee, args) => (callee instanceof Callable ? callee.call(args) : undefined),
  persistent: (id) => {
    // ('storage', storage type, key, location, number of elements)
    if (!Array.isArray(id) || id.length !== 5 || id[0] !== 'storage') return undefined
    const [, type, key, , length] = id
    if (!(type instanceof StorageType) || typeof key !== 'string' || !isSize(length)) return undefined
    return new Storage(key, type.dtype, length)
  },
  hint: `Only a state_dict is read; if this is a whole pickled module, save its state_dict. ${RESAVE}`,
}
