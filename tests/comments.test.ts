/** Comments stay within the width that the formatter gives to code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const ROOT = join(import.meta.dirname, '..')
const WIDTH = 110
const FOLDERS = ['assembly', 'examples', 'scripts', 'src', 'tests']
/** What others wrote or a program made. */
const FOREIGN = /\b(fixtures|node_modules|dist|out)\b/
/** Lines of a table have a width of their own. */
const COMMENT = /^\s*(?:\/\/|\*|\/\*|#)(?! \|)/

test(`comments are set in lines of at most ${WIDTH} columns`, () => {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  ).filter((name) => /\.(ts|js|mjs|css|sh|sbatch|yaml)$/.test(name) && !FOREIGN.test(name))
  assert.ok(files.length > 100)
  const wide = files.flatMap((name) =>
    readFileSync(join(ROOT, name), 'utf8')
      .split('\n')
      .flatMap((line, i) =>
        COMMENT.test(line) && Array.from(line).length > WIDTH ? [`${name}:${i + 1}`] : [],
      ),
  )
  assert.equal(wide, [])
})

test.run()
