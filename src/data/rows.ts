/** What a network is trained and judged on: rows of as many values as it has inputs. */

export interface RowSet {
  readonly count: number
  /** (count, inputs), row-major: bytes, of which the network sees value / 255, or floats. */
  readonly rows: Uint8Array | Float32Array
  /** (count) class indices. */
  readonly labels?: Uint8Array | undefined
}
