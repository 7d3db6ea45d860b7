/**
 * A run that does nothing until it is stopped, then takes its time to save.
 *
 *   node interruptible.ts FILE SAVE_MS   writes to FILE how it was stopped
 */
import { writeFileSync } from 'node:fs'
import { onInterrupt } from '../../../src/run/interrupt.ts'

const [file, saveMs] = process.argv.slice(2)
const causes: string[] = []
const interrupt = onInterrupt((cause) => {
  causes.push(cause)
  console.log('stopping')
})
// A run waits for threads, which keep the process alive.
const work = setInterval(() => undefined, 1000)
console.log(`ready ${process.pid}`)
interrupt.signal.addEventListener('abort', () => {
  setTimeout(() => {
    clearInterval(work)
    interrupt.release()
    writeFileSync(file, `${causes} ${interrupt.exitCode()}`)
    process.exitCode = interrupt.exitCode()
  }, Number(saveMs))
})
