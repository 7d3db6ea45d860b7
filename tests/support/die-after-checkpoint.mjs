/** Preloaded into a command: ends it as soon as its second checkpoint is in its place, as by a power cut. */
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const { rename } = fs
let checkpoints = 0
fs.rename = async (from, to) => {
  await rename(from, to)
  if (!String(to).endsWith('.checkpoint.safetensors')) return
  checkpoints++
  if (checkpoints === 2) process.kill(process.pid, 'SIGKILL')
}
syncBuiltinESMExports()
