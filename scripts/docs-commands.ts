/** `npm run docs:commands`: writes docs/commands.md anew. */
import { writeFileAtomically } from '../src/files/write.ts'
import { COMMANDS_PAGE, commandsPage } from './docs/commands-page.ts'

await writeFileAtomically(COMMANDS_PAGE, new TextEncoder().encode(await commandsPage()))
console.log(`Wrote ${COMMANDS_PAGE}`)
