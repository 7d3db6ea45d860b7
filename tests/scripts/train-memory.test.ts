import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startCommand } from '../support/command.ts'
import { skipTest } from '../support/skip.ts'

/** Megabytes of 10⁶ bytes. Of them the wasm memory takes 75, Node's own program 75. */
const LIMIT_MB = 300

const name = `a whole training run never takes more than ${LIMIT_MB} MB of memory, files, plot and all`

if (process.platform !== 'linux') {
  skipTest(test, name, 'only Linux tells the largest memory that a program alone has had')
} else {
  test(name, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hourglass-memory-'))
    try {
      const memoryFile = join(directory, 'peak-memory')
      const preload = new URL('../../scripts/bench/peak-memory.mjs', import.meta.url).href
      // Every further thread takes some 10 MB of its own, 8 of them by V8 and Node (worker-modules.test.ts).
      const args = ['--z', '8', '-e', '1', '--device', 'cpu', '--threads', '2']
      const { outcome } = startCommand('train', args, directory, {
        NODE_OPTIONS: `--import=${preload}`,
        PEAK_MEMORY_FILE: memoryFile,
      })
      const { code, stderr } = await outcome
      assert.is(stderr, '')
      assert.is(code, 0)
      const files = ['peak-memory', 'plot.png', 'weights.checkpoint.safetensors', 'weights.pth']
      assert.equal(readdirSync(directory).sort(), files)
      const peakMb = Number(readFileSync(memoryFile, 'utf8')) / 1e6
      assert.ok(peakMb > 100 && peakMb <= LIMIT_MB, `${peakMb.toFixed(0)} MB`)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
}

test.run()
