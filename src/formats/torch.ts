/**
 * PyTorch's `torch.save(model.state_dict(), 'weights.pth')`, read without executing anything and written such that
 * `torch.load(weights_only=True)` opens it.
 *
 * The file is a zip: `NAME/data.pkl` (a pickle that describes tensors as views of storages), `NAME/data/KEY` (the raw
 * bytes of a storage each), `NAME/byteorder`, `NAME/version`. Layout: PyTorch's torch/serialization.py.
 */
import { FileError } from '../errors.ts'
import { type PickleValue, unpickle } from './pickle.ts'
import { PickleWriter } from './pickle-writer.ts'
import {
  DTYPE_BYTES,
  type DType,
  decodeElements,
  dtypeOf,
  elementCount,
  quoteName,
  type Tensor,
  tensorBytes,
} from './tensor.ts'
import { RESAVE, STATE_DICT_RULES, STORAGE_DTYPES, type Storage, TensorView } from './torch-pickle.ts'
import { MAX_EXPANSION, readZipDirectory, readZipEntry, writeStoredZip, type ZipEntry } from './zip.ts'

export interface TorchFile {
  /** In the state_dict's order, without the prefix of a wrapper (`module.`, `_orig_mod.`). */
  readonly tensors: Map<string, Tensor>
  /** Text that `writeTorch` put beside the tensors; empty in files from elsewhere. */
  readonly metadata: Record<string, string>
}

/** Where a checkpoint keeps the state_dict, in order of preference. */
const STATE_DICT_KEYS = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'net',
  'network',
  'weights',
  'params',
]
/** torch.nn.DataParallel and torch.compile put these before every name. */
const WRAPPER_PREFIXES = ['module.', '_orig_mod.']
/** Our own entry; torch.load reads only the entries it knows. */
const METADATA_ENTRY = 'hourglass/metadata.json'
/** As torch.save aligns. */
const STORAGE_ALIGNMENT = 64

/**
 * Reads the state_dict of a file that `torch.save` wrote: the state_dict itself or a checkpoint dict that holds one.
 *
 * @param file its name, for errors
 * @returns row-major arrays of their own, also of strided views; float16 and bfloat16 come as Float32Array
 * @throws FileError for any fault, for the legacy form without zip, and for a pickle that needs more than a state_dict
 */
export function readTorch(bytes: Uint8Array, file: string): TorchFile {
  if (bytes[0] === 0x80) throw new FileError(file, `PyTorch's legacy form without zip is not read. ${RESAVE}`)
  if (bytes.length < 4 || bytes[0] !== 0x50 || bytes[1] !== 0x4b) {
    throw new FileError(file, 'expected a zip file as torch.save writes it, found something else')
  }
  const archive = openArchive(bytes, file)
  const stateDict = findStateDict(unpickle(archive.read('data.pkl'), file, STATE_DICT_RULES), file)
  const storages = new StorageReader(archive, file)
  const tensors = new Map<string, Tensor>()
  const budgetBytes = MAX_EXPANSION * bytes.length
  let usedBytes = 0
  for (const [name, description] of stripPrefixes(stateDict)) {
    const count = elementCount(description.shape)
    usedBytes += (count ?? Infinity) * DTYPE_BYTES[description.storage.dtype]
    if (!(usedBytes <= budgetBytes)) {
      throw new FileError(
        file,
        `tensor ${quoteName(name)} takes the tensors beyond ${MAX_EXPANSION} times the file`,
      )
    }
    tensors.set(name, storages.tensor(name, description))
  }
  return { tensors, metadata: readMetadata(archive, file) }
}

/**
 * A file for `torch.load(weights_only=True)`. The same tensors give the same bytes.
 *
 * @throws RangeError (ours to mend) where a shape and its data disagree, or PyTorch has no such storage
 */
export function writeTorch(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const encode = (text: string) => new TextEncoder().encode(text)
  const entries = new Map([
    ['archive/data.pkl', pickleStateDict(tensors)],
    ['archive/byteorder', encode('little')],
  ])
  let key = 0
  for (const { data } of tensors.values()) entries.set(`archive/data/${key++}`, tensorBytes(data))
  entries.set('archive/version', encode('3\n'))
  if (Object.keys(metadata).length > 0) {
    entries.set(`archive/${METADATA_ENTRY}`, encode(JSON.stringify(metadata)))
  }
  return writeStoredZip(entries, STORAGE_ALIGNMENT)
}

// --- reading ---

interface Archive {
  readonly read: (name: string) => Uint8Array
  readonly entry: (name: string) => ZipEntry | undefined
}

/** Finds the one folder that holds `data.pkl`; all names are within it. */
function openArchive(bytes: Uint8Array, file: string): Archive {
  const entries = readZipDirectory(bytes, file)
  const pickles = [...entries.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name))
  if (pickles.length !== 1) {
    throw new FileError(file, `expected a zip of torch.save with one data.pkl, found ${pickles.length}`)
  }
  const folder = pickles[0].slice(0, -'data.pkl'.length)
  const entry = (name: string) => entries.get(folder + name)
  const read = (name: string) => {
    const found = entry(name)
    if (found === undefined) throw new FileError(file, `the zip entry ${quoteName(folder + name)} is missing`)
    return readZipEntry(bytes, found, file)
  }
  if (entry('byteorder') !== undefined) {
    const order = new TextDecoder().decode(new Uint8Array(read('byteorder')))
    if (order !== 'little')
      throw new FileError(file, `expected little-endian data, found ${quoteName(order)}`)
  }
  return { read, entry }
}

type StateDict = Map<string, TensorView>

function findStateDict(root: PickleValue, file: string): StateDict {
  if (!(root instanceof Map)) {
    throw new FileError(file, `expected a state_dict, found a pickle of something else. ${RESAVE}`)
  }
  for (const candidate of [...STATE_DICT_KEYS.map((key) => root.get(key)), root]) {
    if (!(candidate instanceof Map)) continue
    const stateDict: StateDict = new Map()
    for (const [name, value] of candidate) {
      if (typeof name === 'string' && value instanceof TensorView) stateDict.set(name, value)
    }
    if (stateDict.size > 0) return stateDict
  }
  throw new FileError(file, `the saved dict holds no tensors, nor a state_dict under a usual key. ${RESAVE}`)
}

/** Both wrappers may be there, in either order. */
function stripPrefixes(stateDict: StateDict): StateDict {
  let stripped = stateDict
  for (const prefix of [...WRAPPER_PREFIXES, ...WRAPPER_PREFIXES]) {
    if ([...stripped.keys()].every((name) => name.startsWith(prefix))) {
      stripped = new Map([...stripped].map(([name, view]) => [name.slice(prefix.length), view]))
    }
  }
  return stripped
}

class StorageReader {
  #archive: Archive
  #file: string
  /** Tensors may share a storage; its size and CRC are checked once. */
  #storages = new Map<string, Uint8Array>()

  constructor(archive: Archive, file: string) {
    this.#archive = archive
    this.#file = file
  }

  tensor(name: string, { storage, offset, shape, strides }: TensorView): Tensor {
    const { dtype, length } = storage
    const count = elementCount(shape) as number
    const lastIndex = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], offset)
    if (count > 0 && !(lastIndex < length)) {
      throw new FileError(
        this.#file,
        `tensor ${quoteName(name)} reaches element ${lastIndex} of a storage of ${length}`,
      )
    }
    const source = this.#storage(name, storage)
    const elementBytes = DTYPE_BYTES[dtype]
    const begin = offset * elementBytes
    const bytes =
      count === 0 || isRowMajor(shape, strides)
        ? source.subarray(begin, begin + count * elementBytes)
        : gather(source, offset, shape, strides, elementBytes)
    return { shape, data: decodeElements(bytes, dtype) }
  }

  #storage(name: string, { key, dtype, length }: Storage): Uint8Array {
    const entryName = `data/${key}`
    const bytes = this.#storages.get(key) ?? this.#archive.read(entryName)
    this.#storages.set(key, bytes)
    const expected = length * DTYPE_BYTES[dtype]
    if (bytes.length !== expected) {
      throw new FileError(
        this.#file,
        `tensor ${quoteName(name)}: expected ${expected} bytes in ${quoteName(entryName)}, found ${bytes.length}`,
      )
    }
    return bytes
  }
}

function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (strides[axis] !== expected) return false
    expected *= shape[axis]
  }
  return true
}

/** Copies the elements of a strided view in row-major order. */
function gather(
  source: Uint8Array,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
  elementBytes: number,
): Uint8Array {
  const target = new Uint8Array((elementCount(shape) as number) * elementBytes)
  const position = shape.map(() => 0)
  let index = offset
  for (let at = 0; at < target.length; at += elementBytes) {
    target.set(source.subarray(index * elementBytes, (index + 1) * elementBytes), at)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += strides[axis]
      if (++position[axis] < shape[axis]) break
      index -= strides[axis] * shape[axis]
      position[axis] = 0
    }
  }
  return target
}

function readMetadata(archive: Archive, file: string): Record<string, string> {
  if (archive.entry(METADATA_ENTRY) === undefined) return {}
  const fault = new FileError(file, `${METADATA_ENTRY}: expected a JSON object of strings`)
  let metadata: unknown
  try {
    metadata = JSON.parse(new TextDecoder().decode(new Uint8Array(archive.read(METADATA_ENTRY))))
  } catch (error) {
    throw error instanceof FileError ? error : fault
  }
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) throw fault
  if (!Object.values(metadata).every((value) => typeof value === 'string')) throw fault
  return metadata as Record<string, string>
}

// --- writing ---

const STORAGE_TYPES: ReadonlyMap<DType, string> = new Map(
  [...STORAGE_DTYPES].map(([name, dtype]) => [dtype, name]),
)

/** OrderedDict([(name, torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())), …]) */
function pickleStateDict(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const pickle = new PickleWriter()
  const emptyOrderedDict = () =>
    pickle
      .global('collections.OrderedDict')
      .tuple(() => {})
      .reduce()
  emptyOrderedDict()
  pickle.items(() => {
    let key = 0
    for (const [name, { shape, data }] of tensors) {
      const storageType = STORAGE_TYPES.get(dtypeOf(data))
      if (storageType === undefined) throw new RangeError(`internal: PyTorch has no ${dtypeOf(data)} storage`)
      if (elementCount(shape) !== data.length) {
        throw new RangeError(`internal: ${name} has shape [${shape}] and ${data.length} elements`)
      }
      pickle.text(name).global('torch._utils._rebuild_tensor_v2')
      pickle.tuple(() => {
        pickle.tuple(() => {
          pickle.text('storage').global(storageType).text(`${key}`).text('cpu').integer(data.length)
        })
        pickle.persistentId().integer(0).integers(shape).integers(rowMajorStrides(shape)).false()
        emptyOrderedDict()
      })
      pickle.reduce()
      key++
    }
  })
  return pickle.finish()
}

function rowMajorStrides(shape: readonly number[]): number[] {
  const strides: number[] = []
  let stride = 1
  for (const size of [...shape].reverse()) {
    strides.unshift(stride)
    stride *= size
  }
  return strides
}
