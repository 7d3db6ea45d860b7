/** How the host writes the structures of `plan.ts` into memory. */

export interface Structure {
  readonly bytes: number
  readonly fields: Readonly<Record<string, { readonly at: number; readonly type: 'i32' | 'f32' }>>
}

/** Values of some fields of a structure. */
export type ValuesOf<S extends Structure> = { readonly [Field in keyof S['fields']]?: number }

/** Writes a structure; fields left out become 0. */
export function writeStructure<S extends Structure>(
  memory: ArrayBufferLike,
  address: number,
  { bytes, fields }: S,
  values: ValuesOf<S>,
): void {
  const view = new DataView(memory, address, bytes)
  for (const [field, { at, type }] of Object.entries(fields)) {
    const value = values[field] ?? 0
    if (type === 'f32') view.setFloat32(at, value, true)
    else view.setUint32(at, value >>> 0, true)
  }
}
