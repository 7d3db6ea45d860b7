/** Tables of results on stdout. */
import { type Table, tableToText } from '../src/experiments/table.ts'

/** Where stdout is no terminal. */
const USUAL_COLUMNS = 110

/** Prints the table as wide as the terminal allows, and an empty line. */
export function printTable(table: Table): void {
  console.log(tableToText(table, process.stdout.columns || USUAL_COLUMNS))
}
