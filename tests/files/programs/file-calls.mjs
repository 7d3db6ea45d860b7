/**
 * To be preloaded (`node --import`): counts what the process asks of the file system, and ends it by SIGKILL
 * in front of one call, or says at the end what the calls were. What KILL_AT holds is the number of the call,
 * from 1, or nothing.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const killAt = Number(process.env.KILL_AT ?? 0)
const calls = []

function counted(name, call) {
  return function (...args) {
    calls.push(name)
    if (calls.length === killAt) process.kill(process.pid, 'SIGKILL')
    return call.apply(this, args)
  }
}

for (const name of ['open', 'rename', 'unlink', 'rm', 'readdir', 'lstat', 'stat']) {
  fs.promises[name] = counted(name, fs.promises[name])
}
const file = join(tmpdir(), `hourglass-probe-${process.pid}`)
const handle = await fs.promises.open(file, 'w')
await handle.close()
fs.unlinkSync(file)
const prototype = Object.getPrototypeOf(handle)
for (const name of ['writeFile', 'chmod', 'sync', 'close']) prototype[name] = counted(name, prototype[name])
net.Server.prototype.listen = counted('listen', net.Server.prototype.listen)
calls.length = 0
syncBuiltinESMExports()
if (killAt === 0) process.on('exit', () => console.log(calls.join(' ')))
