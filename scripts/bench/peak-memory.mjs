/**
 * Loaded into a measured process by `node --import`: at its end the largest resident memory it had, in bytes,
 * is written to the file that PEAK_MEMORY_FILE names. Plain JavaScript, so that Node loads nothing for it
 * that would be measured too.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/**
 * Linux keeps it for the program alone; what `resourceUsage` reports there counts the parent's memory before
 * the start too.
 */
function peakMemoryBytes() {
  try {
    const match = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
    if (match) return Number(match[1]) * 1024
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024
}

const file = process.env.PEAK_MEMORY_FILE
// Worker threads load it too, but belong to the same process.
if (isMainThread && file !== undefined)
  process.on('exit', () => writeFileSync(file, String(peakMemoryBytes())))
