/** NOTICE says what npm installs beside this project; another canvas must be looked at again. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { skipTest } from '../support/skip.ts'
import { ROOT } from './installed.ts'

interface Manifest {
  readonly version: string
  readonly license?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const require = createRequire(import.meta.url)
const notice = readFileSync(join(ROOT, 'NOTICE'), 'utf8').replaceAll(/\s+/g, ' ')

function manifestOf(name: string): Manifest | undefined {
  try {
    return require(`${name}/package.json`) as Manifest
  } catch {
    return undefined
  }
}

const canvas = manifestOf('canvas')
const what = 'NOTICE names the canvas that is installed, and its binaries that declare no licence'
if (canvas === undefined) skipTest(test, what, 'canvas is not installed')
else {
  test(what, () => {
    assert.match(notice, `canvas ${canvas.version} (optional`)
    assert.is(canvas.license, 'MIT')
    const binaries = Object.keys(canvas.optionalDependencies ?? {})
    assert.match(notice, `Its ${binaries.length} binary packages`)
    for (const name of binaries) {
      assert.match(notice, name)
      assert.is(
        manifestOf(name)?.license,
        undefined,
        `${name} declares a licence by now: NOTICE says it has none`,
      )
    }
  })
}

test.run()
