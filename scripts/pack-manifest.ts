/**
 * `npm pack` alone says which Node the library needs: package.json as it lies here says which Node installs
 * and starts the commands, which bring their own (scripts/runtime). `pack` before, `restore` after.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { writeFileAtomically } from '../src/files/write.ts'
import { FIRST_NODE } from '../src/node-version.ts'

const COMMANDS = '"node": ">=20"'
const LIBRARY = `"node": ">=${FIRST_NODE}"`

const file = fileURLToPath(new URL('../package.json', import.meta.url))
const text = await readFile(file, 'utf8')
const wanted = process.argv[2] === 'pack' ? text.replace(COMMANDS, LIBRARY) : text.replace(LIBRARY, COMMANDS)
if (!wanted.includes(process.argv[2] === 'pack' ? LIBRARY : COMMANDS)) {
  throw new Error(`internal: package.json: expected ${COMMANDS} under engines`)
}
await writeFileAtomically(file, wanted)
