/** Quotes of `results/` in the documents, and what makes them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The words around numbers, as they stand in a document. */
export interface Quote {
  /** The document. */
  readonly file: string
  readonly text: string
}

/** A file of the repository. */
export async function textOf(file: string): Promise<string> {
  return readFile(join(ROOT, file), 'utf8')
}

/** A JSON file of `results/`. */
export async function read<Content>(file: string): Promise<Content> {
  return JSON.parse(await textOf(`results/${file}`)) as Content
}

/** With a real minus. */
export const fixed = (value: number, digits: number) => value.toFixed(digits).replace('-', '−')

/** The one of a name; a file without it is another one than the quotes are of. */
export function named<Item>(items: readonly Item[], name: string, nameOf: (item: Item) => string): Item {
  const found = items.find((item) => nameOf(item) === name)
  if (found === undefined) throw new Error(`internal: results/ has no ${name}`)
  return found
}
