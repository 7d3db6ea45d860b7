/** One compute pass: what it is, and how it is recorded. */
import { DeviceError } from '../../errors.ts'

export type Groups = readonly [x: number, y: number, z: number]

export interface Pass {
  /** What it does, for people. */
  readonly name: string
  readonly pipeline: GPUComputePipeline
  /** Workgroups for a batch of so many rows. */
  readonly groups: (rows: number) => Groups
  /** Floating-point operations of its products a row; 0 where it has none. */
  readonly rowFlops: number
}

/** Records one pass over `rows` rows. Throws a DeviceError where that is more than the adapter dispatches. */
export function encodePass(
  encoder: GPUComputePassEncoder,
  { name, pipeline, groups }: Pass,
  rows: number,
  maxWorkgroups: number,
): void {
  const [x, y, z] = groups(rows)
  const most = Math.max(x, y, z)
  if (most > maxWorkgroups) {
    throw new DeviceError(
      `WebGPU: ${name} over ${rows} rows needs ${most} workgroups, more than the ` +
        `maxComputeWorkgroupsPerDimension of the adapter, ${maxWorkgroups}; choose a smaller batch`,
    )
  }
  encoder.setPipeline(pipeline)
  encoder.dispatchWorkgroups(x, y, z)
}
