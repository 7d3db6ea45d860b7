/** What every format reads and writes: named, dense, row-major arrays. */

export type TensorData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array

/** Row-major (C order); `data` has as many elements as the product of `shape`. A scalar has shape []. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: TensorData
}

export function hasShape(tensor: Tensor, shape: readonly number[]): boolean {
  return tensor.shape.length === shape.length && shape.every((size, axis) => size === tensor.shape[axis])
}

/** A shape as it stands in messages, however long. */
export function shapeText(shape: readonly number[]): string {
  const sizes = shape.slice(0, 8).join(', ')
  return `(${sizes}${shape.length > 8 ? ', …' : ''})`
}

/** How a file stores one element; the names are safetensors'. */
export type DType =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'I64'
  | 'U64'
  | 'I32'
  | 'U32'
  | 'I16'
  | 'U16'
  | 'I8'
  | 'U8'
  | 'BOOL'

export const DTYPE_BYTES: Readonly<Record<DType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
}

/** Bytes of one element as `decodeElements` gives it: half floats double. */
export const DECODED_BYTES: Readonly<Record<DType, number>> = { ...DTYPE_BYTES, F16: 4, BF16: 4 }

/** The dtype in which an array is stored without loss. */
export function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return 'F32'
  if (data instanceof Float64Array) return 'F64'
  if (data instanceof BigInt64Array) return 'I64'
  if (data instanceof BigUint64Array) return 'U64'
  if (data instanceof Int32Array) return 'I32'
  if (data instanceof Uint32Array) return 'U32'
  if (data instanceof Int16Array) return 'I16'
  if (data instanceof Uint16Array) return 'U16'
  if (data instanceof Int8Array) return 'I8'
  return 'U8'
}

/**
 * The little-endian bytes of an array, as a view. Every platform with WebAssembly threads is little-endian.
 */
export function tensorBytes(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/**
 * Product of the sizes, 1 for []. `undefined` where a size is no whole number ≥ 0 or a partial product
 * exceeds 2⁵³ − 1, even if a later size is 0: so a caller's arithmetic on the result is exact.
 */
export function elementCount(shape: readonly unknown[]): number | undefined {
  let count = 1
  for (const size of shape) {
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined
    count *= size
    if (!Number.isSafeInteger(count)) return undefined
  }
  return count
}

/**
 * Decodes little-endian elements into an array of their own (never a view of `bytes`, which may lie
 * unaligned). Half floats become Float32Array, exactly; BOOL becomes Uint8Array.
 *
 * @param bytes a whole number of elements
 */
export function decodeElements(bytes: Uint8Array, dtype: DType): TensorData {
  if (dtype === 'F16') return float32From(bytes, halfToNumber)
  if (dtype === 'BF16') return bfloat16ToFloat32(bytes)
  // Not bytes.slice(): on a Node Buffer that is a view.
  return elementsOf(new Uint8Array(bytes).buffer, dtype)
}

/** The elements that lie in a buffer as they are. */
function elementsOf(buffer: ArrayBuffer, dtype: Exclude<DType, 'F16' | 'BF16'>): TensorData {
  switch (dtype) {
    case 'F64':
      return new Float64Array(buffer)
    case 'F32':
      return new Float32Array(buffer)
    case 'I64':
      return new BigInt64Array(buffer)
    case 'U64':
      return new BigUint64Array(buffer)
    case 'I32':
      return new Int32Array(buffer)
    case 'U32':
      return new Uint32Array(buffer)
    case 'I16':
      return new Int16Array(buffer)
    case 'U16':
      return new Uint16Array(buffer)
    case 'I8':
      return new Int8Array(buffer)
    case 'U8':
    case 'BOOL':
      return new Uint8Array(buffer)
  }
}

/** Each pair of bytes by `convert`. */
function float32From(bytes: Uint8Array, convert: (bits: number) => number): Float32Array {
  const values = new Float32Array(bytes.length / 2)
  for (let i = 0; i < values.length; i++) values[i] = convert(bytes[2 * i] | (bytes[2 * i + 1] << 8))
  return values
}

/** IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** bfloat16 is the upper half of a float32. */
function bfloat16ToFloat32(bytes: Uint8Array): Float32Array {
  const bits = new Uint32Array(bytes.length / 2)
  for (let i = 0; i < bits.length; i++) bits[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24)
  return new Float32Array(bits.buffer)
}

/** Turns every value of a floating-point array into its negative, zeros and NaN too: the sign is a bit. */
export function flipSigns(data: TensorData): void {
  const bytes = tensorBytes(data)
  for (let at = data.BYTES_PER_ELEMENT - 1; at < bytes.length; at += data.BYTES_PER_ELEMENT) bytes[at] ^= 0x80
}
