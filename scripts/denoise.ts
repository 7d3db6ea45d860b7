/** `npm run denoise -- -l FILE --data PATH --out rows.csv`. */
import { runCommand } from './cli.ts'
import { reconstructCommand } from './reconstruct-command.ts'

await runCommand((args) => reconstructCommand('denoise', args))
