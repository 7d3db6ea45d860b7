/**
 * JSON of which there is one text for one value, so that a digest of it names the value. Runs in a browser.
 */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/**
 * The text of RFC 8785 (JSON Canonicalization Scheme): no white space, keys in the order of their UTF-16
 * units, numbers and strings as ECMAScript writes them. Throws RangeError for NaN and infinities, which JSON
 * has no words for.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError(`expected a finite number, found ${value}`)
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join(',')}}`
}

function isList(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value)
}
