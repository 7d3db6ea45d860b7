/** JSON from outside, parsed within the reader's budget. Runs in a browser. */
import { ReaderBudget } from '../reader-budget.ts'

/** About what V8 takes for an object or array, for a property of one, and for each value. */
const CONTAINER_BYTES = 256
const PROPERTY_BYTES = 64
const VALUE_BYTES = 12

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * What `text` holds. Objects are counted before any is made, so that a text of brackets cannot fill the
 * memory.
 *
 * @param budget of the file that the text is from; left out where the text is the file
 * @throws FileError beyond the budget
 * @throws SyntaxError where it is no JSON
 */
export function parseJson(text: string, file: string, budget = new ReaderBudget(file, text.length)): unknown {
  countJson(text, budget)
  return JSON.parse(text)
}

/** Charges the budget for what `text`, JSON or not, would become. */
function countJson(text: string, budget: ReaderBudget): void {
  let depth = 0
  let deepest = 0
  let containers = 0
  let properties = 0
  let commas = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = closingQuote(text, at)
        break
      case 0x7b: // {
      case 0x5b: // [
        containers++
        depth++
        if (depth > deepest) deepest = depth
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
      case 0x3a: // :
        properties++
        break
      case 0x2c: // ,
        commas++
        break
    }
  }
  budget.depth(deepest)
  budget.objects(containers, CONTAINER_BYTES)
  budget.objects(properties, PROPERTY_BYTES)
  // Numbers and texts among them count by their bytes: an array of numbers is one object.
  budget.objects(1, (commas + containers) * VALUE_BYTES)
}

/**
 * A key that some object of `text` has twice, where there is one: JSON.parse keeps the last one silently.
 *
 * @param text that JSON.parse accepted
 * @param value that it gave
 */
export function duplicateKey(text: string, value: unknown): string | undefined {
  // Looked for only where a key is known to have got lost: the sets of keys take memory.
  return countProperties(text) === countKeys(value) ? undefined : findDuplicate(text)
}

/** Colons outside of strings. */
function countProperties(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = closingQuote(text, at)
    else if (code === 0x3a) count++
  }
  return count
}

/** Keys of all objects within `value`, whose depth is within the budget. */
function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = Array.isArray(value) ? 0 : Object.keys(value).length
  for (const item of Array.isArray(value) ? value : Object.values(value)) count += countKeys(item)
  return count
}

function findDuplicate(text: string): string | undefined {
  const keysOfOpenObjects: Set<string>[] = []
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') keysOfOpenObjects.push(new Set())
    else if (text[at] === '}') keysOfOpenObjects.pop()
    else if (text[at] === '"') {
      const start = at
      at = closingQuote(text, start)
      let next = at + 1
      while (' \t\r\n'.includes(text[next])) next++
      if (text[next] !== ':') continue
      const key: string = JSON.parse(text.slice(start, at + 1))
      const keys = keysOfOpenObjects[keysOfOpenObjects.length - 1]
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}

/**
 * Where the string that begins at `openingQuote` ends: the text's last character at the latest. Not a regular
 * expression: V8's run out of stack on strings of some megabytes.
 */
function closingQuote(text: string, openingQuote: number): number {
  let at = openingQuote + 1
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH) at++
  }
  return text.length
}
