/**
 * `npm pack` alone says which Node the library needs: package.json as it lies here says which Node installs
 * and starts the commands, which bring their own (scripts/runtime). What `npm install` of a checkout ends
 * with goes by another name there: npm would warn everyone who installs the package of a script in it. `pack`
 * before, `restore` after.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { writeFileAtomically } from '../src/files/write.ts'
import { FIRST_NODE } from '../src/node-version.ts'

/** As it stands here, and as it is packed. */
const LINES = [
  ['"node": ">=20"', `"node": ">=${FIRST_NODE}"`],
  ['"prepare": "node', '"checkout": "node'],
]

const isPack = process.argv[2] === 'pack'
const file = fileURLToPath(new URL('../package.json', import.meta.url))
let text = await readFile(file, 'utf8')
for (const [here, packed] of LINES) {
  text = isPack ? text.replace(here, packed) : text.replace(packed, here)
  const wanted = isPack ? packed : here
  if (!text.includes(wanted)) throw new Error(`internal: package.json: expected ${wanted}`)
}
await writeFileAtomically(file, text)
