/**
 * The one rule for text that comes from outside (names in files, JSON, versions, paths) and passes into a
 * message: it stays on its line, says nothing to a terminal, and is short.
 */

/**
 * Control characters, format characters (bidirectional overrides among them), line separators, lone
 * surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** The letters by which JSON escapes some control characters. */
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The text with every character escaped that would not be seen as itself: `\n`, `\u001b`, `\u{e0001}`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) as number
    const hex = code.toString(16)
    return SHORT_ESCAPES[character] ?? (code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`)
  })
}

/**
 * Text from outside as it stands in a message: cut at `most` characters, in quotes, with quotes and more
 * escaped.
 */
export function quote(text: string, most = 80): string {
  return printable(JSON.stringify(cut(text, most)))
}

/** A value of any type in few words, for what an error says was found. */
export function kindOf(value: unknown): string {
  if (ArrayBuffer.isView(value) || Array.isArray(value)) {
    const { length } = value as unknown as ArrayLike<unknown>
    return `${value.constructor.name} of ${length}`
  }
  if (typeof value === 'string') return quote(value)
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** At most `most` UTF-16 units, no character cut in two, with an ellipsis for what is left out. */
export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}…` : text
}
