/** What the text of a table's cell means. */

/** What stands for a missing value, as in pandas, and the `?` of UCI's tables; in capitals. */
const MISSING = new Set(
  ['', 'NA', 'N/A', '#NA', '#N/A', '#N/A N/A', '<NA>', 'NAN', '-NAN', 'NULL', 'NONE', '?'].concat([
    '1.#IND',
    '-1.#IND',
    '1.#QNAN',
    '-1.#QNAN',
  ]),
)
/** To pass over all other texts without making capitals of them. */
const FIRST_OF_MISSING = /^[#N<?1-]/i
const LONGEST_MISSING = 8
const INFINITE: Readonly<Record<string, number>> = Object.fromEntries(
  ['INF', 'INFINITY'].flatMap((word) => [
    [word, Number.POSITIVE_INFINITY],
    [`+${word}`, Number.POSITIVE_INFINITY],
    [`-${word}`, Number.NEGATIVE_INFINITY],
  ]),
)

/** @param trimmed without the spaces around it */
export function isMissing(trimmed: string): boolean {
  if (trimmed.length > LONGEST_MISSING) return false
  return trimmed === '' || (FIRST_OF_MISSING.test(trimmed) && MISSING.has(trimmed.toUpperCase()))
}

/** The value of a cell: NaN where it is missing, undefined where it is text. */
export function cellNumber(cell: string, decimalComma = false): number | undefined {
  if (cell === '') return Number.NaN
  const plain = plainNumber(cell, decimalComma ? COMMA : POINT)
  if (plain !== undefined) return plain
  const word = cell.trim().toUpperCase()
  if (MISSING.has(word)) return Number.NaN
  if (word === 'TRUE') return 1
  if (word === 'FALSE') return 0
  // A point would be one of thousands there, and the number another one.
  if (decimalComma && word.includes('.')) return undefined
  // 0x1f, 0b1 and 0o7 are numbers to JavaScript, and to no table.
  if (/^0[XBO]/.test(word)) return undefined
  const value = Number(decimalComma ? word.replace(',', '.') : word)
  return Number.isNaN(value) ? INFINITE[word] : value
}

const POINT = '.'.charCodeAt(0)
const COMMA = ','.charCodeAt(0)
const MINUS = '-'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)
/** So many digits are a whole number that float64 holds. */
const EXACT_DIGITS = 15
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => 10 ** i)

/**
 * Digits with a point or without, at most fifteen; undefined for any other text. The quotient of two whole
 * numbers that float64 holds is rounded once: the same number that `Number` gives, in half the time.
 */
function plainNumber(cell: string, point: number): number | undefined {
  const start = cell.charCodeAt(0) === MINUS ? 1 : 0
  const { length } = cell
  if (length === start || length - start > EXACT_DIGITS + 1) return undefined
  let digits = 0
  let pointAt = -1
  for (let i = start; i < length; i++) {
    const digit = cell.charCodeAt(i) - ZERO
    if (digit >= 0 && digit <= 9) digits = 10 * digits + digit
    else if (digit + ZERO === point && pointAt === -1) pointAt = i
    else return undefined
  }
  if (pointAt === -1) {
    if (length - start > EXACT_DIGITS) return undefined
  } else {
    if (length - start === 1) return undefined
    digits /= POWERS[length - pointAt - 1]
  }
  return start === 1 ? -digits : digits
}
