/** The process that `explode.ts` starts: reads bomb NUMBER from FILE and prints what that cost. */
import { readFileSync } from 'node:fs'
import { BOMBS } from './bombs.ts'
import type { Explosion } from './explode.ts'
import { judge } from './targets.ts'

/** Largest resident set of this process. Its `maxRSS` counts that of the process that started it as well. */
function peakMemory(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    return Number(kilobytes) * 1024
  } catch {
    return process.resourceUsage().maxRSS * 1024
  }
}

const [, , number, file] = process.argv
const bytes = readFileSync(file)
const before = process.cpuUsage()
const outcome = await judge(BOMBS[Number(number)].target, bytes).catch((error: Error) => `!${error.message}`)
const { user, system } = process.cpuUsage(before)
const explosion: Explosion = {
  bytes: bytes.length,
  outcome,
  seconds: (user + system) / 1e6,
  memory: peakMemory(),
}
console.log(JSON.stringify(explosion))
