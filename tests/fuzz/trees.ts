/** JSON taken apart, changed, and put together again; headers of safetensors with it. */
import type { RandomSequence } from '../../src/random/sequence.ts'
import { damage, pick, TELLING_NUMBERS } from './damage.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const NAMES = ['shape', 'dtype', 'data_offsets', '__metadata__', '__proto__', 'constructor', 'fc1.weight', '']
const TEXTS = ['F32', 'F16', 'BF16', 'I64', 'BOOL', 'relu', 'softmax', 'mse', '{}', '[]', '\u001b[2J', 'x']

/** The text with one to four values changed, moved, doubled or nested. */
export function damageJson(text: string, random: RandomSequence): string {
  let root = JSON.parse(text) as Json
  const edits = 1 + random.below(4)
  for (let edit = 0; edit < edits; edit++) root = changed(root, random)
  const json = JSON.stringify(root)
  // A key twice is nothing that JSON.stringify writes.
  return random.below(10) === 0 ? json.replace(/("[^"]*":)/, '$10,$1') : json
}

/** The value with something changed in it: mostly deep within. */
function changed(value: Json, random: RandomSequence): Json {
  const isInner = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!isInner || random.below(5) === 0) return randomValue(value, random)
  if (Array.isArray(value)) {
    const items = [...value]
    const at = random.below(items.length)
    if (random.below(4) === 0) items.splice(at, random.below(2), items[random.below(items.length)])
    else items[at] = changed(items[at], random)
    return items
  }
  const entries = Object.entries(value)
  const at = random.below(entries.length)
  const [key, item] = entries[at]
  switch (random.below(6)) {
    case 0:
      entries.splice(at, 1)
      break
    case 1:
      entries[at] = [pick(NAMES, random), item]
      break
    case 2:
      entries.push([`${key}x`, item])
      break
    default:
      entries[at] = [key, changed(item, random)]
  }
  return Object.fromEntries(entries)
}

function randomValue(old: Json, random: RandomSequence): Json {
  switch (random.below(9)) {
    case 0:
      return null
    case 1:
      return random.below(2) === 0
    case 2:
      return pick(TELLING_NUMBERS, random)
    case 3:
      return pick(TEXTS, random)
    case 4:
      return [old, old]
    case 5:
      return { [pick(NAMES, random)]: old }
    case 6: {
      let nested: Json = old
      for (let depth = random.below(150); depth > 0; depth--)
        nested = random.below(2) === 0 ? [nested] : { a: nested }
      return nested
    }
    case 7:
      return Array.from({ length: random.below(2000) }, () => 1)
    default:
      return typeof old === 'number' ? old + random.below(5) - 2 : []
  }
}

/** A safetensors file with its header's JSON changed, and its length told as it is. */
export function damageHeader(file: Uint8Array, random: RandomSequence): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  const header = damageJson(new TextDecoder().decode(file.subarray(8, 8 + length)), random)
  const written = withHeader(header, file.subarray(8 + length))
  return random.below(8) === 0 ? damage(written, random) : written
}

/** A safetensors file of any header and data. */
export function withHeader(header: string, data: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(header)
  const file = new Uint8Array(8 + json.length + data.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true)
  file.set(json, 8)
  file.set(data, 8 + json.length)
  return file
}

/** A safetensors file with JSON within its metadata changed: what a checkpoint or a model says of itself. */
export function damageMetadata(file: Uint8Array, random: RandomSequence): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as {
    __metadata__: Record<string, string>
  }
  const metadata = header.__metadata__
  const keys = Object.keys(metadata).filter((key) => metadata[key].startsWith('{'))
  if (keys.length > 0) {
    const key = pick(keys, random)
    metadata[key] = damageJson(metadata[key], random)
  }
  return withHeader(JSON.stringify(header), file.subarray(8 + length))
}
