/**
 * PyTorch's `torch.save(model.state_dict(), 'weights.pth')`, read without executing anything and written such
 * that `torch.load(weights_only=True)` opens it.
 *
 * The file is a zip: `NAME/data.pkl` (a pickle that describes tensors as views of storages), `NAME/data/KEY`
 * (the raw bytes of a storage each), `NAME/byteorder`, `NAME/version`. Layout: PyTorch's
 * torch/serialization.py.
 */
import { FileError } from '../errors.ts'
import { quote } from '../quote.ts'
import { ReaderBudget } from '../reader-budget.ts'
import { parseJson } from './json.ts'
import { PickleDict, type PickleValue, unpickle } from './pickle.ts'
import { PickleWriter } from './pickle-writer.ts'
import {
  DECODED_BYTES,
  DTYPE_BYTES,
  type DType,
  decodeElements,
  dtypeOf,
  elementCount,
  flipSigns,
  type Tensor,
  tensorBytes,
} from './tensor.ts'
import { RESAVE, STORAGE_DTYPES, type Storage, stateDictRules, TensorView } from './torch-pickle.ts'
import { readZipDirectory, readZipEntry, writeStoredZip, type ZipEntry } from './zip.ts'

export interface TorchFile {
  /** In the state_dict's order and by its names. */
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
/** Our own entry; torch.load reads only the entries it knows. */
const METADATA_ENTRY = 'hourglass/metadata.json'
/** As torch.save aligns. */
const STORAGE_ALIGNMENT = 64
/** Of the file format, as caffe2/serialize/versions.h has them. */
const OLDEST_VERSION = 1
const NEWEST_VERSION = 10

/**
 * Reads the state_dict of a file that `torch.save` wrote: the state_dict itself or a checkpoint dict that
 * holds one.
 *
 * What `torch.load(weights_only=True)` refuses is refused; docs/threat-model.md lists what it reads and this
 * does not.
 *
 * @param file its name, for errors
 * @returns row-major arrays of their own, also of strided views; float16 and bfloat16 come as Float32Array
 * @throws FileError for any fault, for the legacy form without zip, and for a pickle that needs more than a
 *   state_dict
 */
export function readTorch(
  bytes: Uint8Array,
  file: string,
  budget = new ReaderBudget(file, bytes.length),
): TorchFile {
  if (bytes[0] === 0x80) throw new FileError(file, `PyTorch's legacy form without zip is not read. ${RESAVE}`)
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b || bytes[2] !== 0x03 || bytes[3] !== 0x04) {
    throw new FileError(file, 'expected a zip file as torch.save writes it, found something else')
  }
  const archive = openArchive(bytes, file, budget)
  const storages = new StorageReader(archive, file, budget)
  const views: TensorView[] = []
  const rules = stateDictRules(
    budget,
    (storage) => storages.add(storage),
    (view) => views.push(view),
  )
  const stateDict = findStateDict(unpickle(archive.read('data.pkl'), file, rules, budget), file)
  const tensors = new Map<string, Tensor>()
  for (const [name, view] of stateDict) tensors.set(name, storages.tensor(`tensor ${quote(name)}`, view))
  // PyTorch loads all that the pickle describes, and refuses the file for a fault in any of it.
  for (const view of views) storages.check('a tensor beside the weights', view)
  storages.checkAll()
  return { tensors, metadata: readMetadata(archive, file, budget) }
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

/**
 * The entries of the archive's folder, which is that of its first entry, as in PyTorch, and of all others.
 */
function openArchive(bytes: Uint8Array, file: string, budget: ReaderBudget): Archive {
  const entries = readZipDirectory(bytes, file)
  const [first = ''] = entries.names
  const folder = first.slice(0, first.indexOf('/') + 1)
  const entry = (name: string) => entries.get(folder + name)
  const read = (name: string) => {
    const found = entry(name)
    if (found === undefined) throw new FileError(file, `the zip entry ${quote(folder + name)} is missing`)
    return readZipEntry(bytes, found, file, budget)
  }
  const text = (name: string) => new TextDecoder().decode(new Uint8Array(read(name)))
  if (folder === '' || entry('data.pkl') === undefined) {
    throw new FileError(file, `expected a zip of torch.save with ${quote(`${folder}data.pkl`)}, found none`)
  }
  if (entry('constants.pkl') !== undefined) {
    throw new FileError(file, `TorchScript archives are not read. ${RESAVE}`)
  }
  const outside = entries.names.find((name) => !name.startsWith(folder))
  if (outside !== undefined) {
    throw new FileError(
      file,
      `the zip entry ${quote(outside)} is not in the folder ${quote(folder)}, as all others`,
    )
  }
  // Bytes before the first entry are of another file, and what reads that sees something else.
  if (entries.start !== 0) {
    throw new FileError(file, `expected a zip from the first byte on, found ${entries.start} before it`)
  }
  checkCase(entries.keys(), file)
  const version = text('version')
  if (!/^\d{1,3}\s*$/.test(version) || Number(version) < OLDEST_VERSION || Number(version) > NEWEST_VERSION) {
    const expected = `expected version ${OLDEST_VERSION} to ${NEWEST_VERSION} of torch.save's format`
    throw new FileError(file, `${expected}, found ${quote(version)}`)
  }
  if (entry('byteorder') !== undefined && text('byteorder') !== 'little') {
    throw new FileError(file, `expected little-endian data, found ${quote(text('byteorder'))}`)
  }
  return { read, entry }
}

/** PyTorch looks entries up whatever their case: of two such names it could take the other. */
function checkCase(names: Iterable<string>, file: string): void {
  const seen = new Set<string>()
  for (const name of names) {
    const folded = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    if (seen.has(folded))
      throw new FileError(file, `its zip holds ${quote(name)} twice, apart from upper case`)
    seen.add(folded)
  }
}

type StateDict = Map<string, TensorView>

function findStateDict(root: PickleValue, file: string): StateDict {
  if (!(root instanceof PickleDict)) {
    throw new FileError(file, `expected a state_dict, found a pickle of something else. ${RESAVE}`)
  }
  for (const candidate of [...STATE_DICT_KEYS.map((key) => root.get(key)), root]) {
    if (!(candidate instanceof PickleDict)) continue
    const stateDict: StateDict = new Map()
    for (const [name, value] of candidate.entries()) {
      if (typeof name === 'string' && value instanceof TensorView) stateDict.set(name, value)
    }
    if (stateDict.size > 0) return stateDict
  }
  throw new FileError(file, `the saved dict holds no tensors, nor a state_dict under a usual key. ${RESAVE}`)
}

class StorageReader {
  readonly #archive: Archive
  readonly #file: string
  readonly #budget: ReaderBudget
  readonly #described = new Map<string, Storage>()
  /** Tensors may share a storage; its size and CRC are checked once. */
  readonly #storages = new Map<string, Uint8Array>()

  constructor(archive: Archive, file: string, budget: ReaderBudget) {
    this.#archive = archive
    this.#file = file
    this.#budget = budget
  }

  /**
   * Notes a storage that the pickle describes. PyTorch keeps its first description: another one must say the
   * same.
   */
  add(storage: Storage): void {
    const { key, dtype, isUntyped, length } = storage
    const known = this.#described.get(key)
    if (known === undefined) this.#described.set(key, storage)
    else if (known.dtype !== dtype || known.isUntyped !== isUntyped || known.length !== length) {
      throw new FileError(this.#file, `it describes the storage ${quote(key)} in two ways`)
    }
  }

  /** @param what the tensor is called in complaints */
  tensor(what: string, view: TensorView): Tensor {
    const { storage, dtype, offset, shape, strides, isNegated } = view
    this.#budget.arrays((elementCount(shape) ?? Infinity) * DECODED_BYTES[dtype], what)
    this.check(what, view)
    const count = elementCount(shape) as number
    const source = this.#storage(what, storage)
    const elementBytes = DTYPE_BYTES[dtype]
    const begin = offset * elementBytes
    let bytes = source.subarray(begin, begin + count * elementBytes)
    if (count > 0 && !isRowMajor(shape, strides)) {
      this.#budget.arrays(count * elementBytes, what)
      bytes = gather(source, offset, shape, strides, elementBytes)
    }
    const data = decodeElements(bytes, dtype)
    if (isNegated) flipSigns(data)
    return { shape, data }
  }

  /** Throws for a view that reaches beyond its storage. */
  check(what: string, { storage, dtype, offset, shape, strides }: TensorView): void {
    this.#budget.work(shape.length)
    const length = storage.isUntyped ? storage.length / DTYPE_BYTES[dtype] : storage.length
    const lastIndex = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], offset)
    if (!shape.includes(0) && !(lastIndex < length)) {
      throw new FileError(this.#file, `${what} reaches element ${lastIndex} of a storage of ${length}`)
    }
  }

  /** Reads the storages that no tensor was made of: they too must be there and whole. */
  checkAll(): void {
    for (const storage of this.#described.values()) this.#storage('a tensor beside the weights', storage)
  }

  #storage(what: string, { key, dtype, length }: Storage): Uint8Array {
    const entryName = `data/${key}`
    const bytes = this.#storages.get(key) ?? this.#archive.read(entryName)
    this.#storages.set(key, bytes)
    const expected = length * DTYPE_BYTES[dtype]
    if (bytes.length !== expected) {
      const found = `in ${quote(entryName)}, found ${bytes.length}`
      throw new FileError(this.#file, `${what}: expected ${expected} bytes ${found}`)
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
    const from = index * elementBytes
    for (let byte = 0; byte < elementBytes; byte++) target[at + byte] = source[from + byte]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += strides[axis]
      if (++position[axis] < shape[axis]) break
      index -= strides[axis] * shape[axis]
      position[axis] = 0
    }
  }
  return target
}

function readMetadata(archive: Archive, file: string, budget: ReaderBudget): Record<string, string> {
  if (archive.entry(METADATA_ENTRY) === undefined) return {}
  const fault = new FileError(file, `${METADATA_ENTRY}: expected a JSON object of strings`)
  const text = new TextDecoder().decode(new Uint8Array(archive.read(METADATA_ENTRY)))
  let metadata: unknown
  try {
    metadata = parseJson(text, file, budget)
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

/**
 * OrderedDict([(name, torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())), …])
 */
function pickleStateDict(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const pickle = new PickleWriter()
  pickle.emptyOrderedDict()
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
        pickle.emptyOrderedDict()
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
