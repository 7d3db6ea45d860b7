/** A Redis server of its own for a test file, which keeps nothing on disk. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Why there is no Redis here; undefined where there is. */
export function withoutRedis(): string | undefined {
  const { error } = spawnSync('redis-server', ['--version'], { stdio: 'ignore' })
  return error === undefined ? undefined : 'needs redis-server'
}

export interface TestRedis {
  readonly url: string
  /** Ends it by SIGKILL: all that it held is lost. */
  kill(): Promise<void>
  /** Starts it again at the same place, empty. */
  start(): Promise<void>
}

export async function startRedis(): Promise<TestRedis> {
  const port = await freePort()
  let stop = async () => {}
  const start = async () => {
    const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    const server = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'inherit'] })
    const gone = once(server, 'exit')
    const end = () => server.kill('SIGKILL')
    process.once('exit', end)
    stop = async () => {
      process.off('exit', end)
      end()
      await gone
    }
    for await (const text of server.stdout.setEncoding('utf8')) {
      if (/Ready to accept connections/.test(String(text))) break
    }
  }
  await start()
  return { url: `redis://127.0.0.1:${port}`, kill: () => stop(), start }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
