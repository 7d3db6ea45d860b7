/** What was measured on: to be read beside every number. */
import { readFile } from 'node:fs/promises'
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

/**
 * Above this mean number of running processes, before the benchmark adds its own, numbers are not to be
 * relied on.
 */
const QUIET_LOAD = 0.5

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly v8: string
  /** Of Hourglass. */
  readonly version: string
  /** ISO 8601, when the benchmark began. */
  readonly date: string
  /** Mean number of running processes in the last minute, when it began; 0 where the system does not tell. */
  readonly loadAverage: number
  readonly isBusy: boolean
}

export async function describeMachine(): Promise<Machine> {
  const description = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  const [loadAverage] = loadavg()
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    version: description.version,
    date: new Date().toISOString(),
    loadAverage,
    isBusy: loadAverage > QUIET_LOAD,
  }
}

/**
 * Whether the processor may have wider vectors than AVX2, which native libraries use and WebAssembly cannot.
 * Where the system does not tell (only Linux does, in /proc/cpuinfo), an x64 processor may.
 */
export async function mayExceedAvx2(): Promise<boolean> {
  if (arch() !== 'x64') return false
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => undefined)
  return text === undefined || /\bavx512f\b/.test(text)
}
