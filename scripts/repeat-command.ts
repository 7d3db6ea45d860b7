/** The command line that does again what was done. */
import type { SetFlags } from './config-file.ts'
import { dashed } from './flag-names.ts'

/** `npm run NAME -- --flag value …`, in words of a POSIX shell, on one line. */
export function commandText(name: string, flags: SetFlags): string {
  const words = [...flags].flatMap(([flag, value]) => {
    const typed = dashed(flag)
    if (typeof value === 'boolean') return value ? typed : `--no-${flag}`
    // What begins with a dash would be taken for a flag.
    return value.startsWith('-') || value === ''
      ? shellWord(`${typed}=${value}`)
      : `${typed} ${shellWord(value)}`
  })
  return [`npm run ${name}`, ...(words.length > 0 ? ['--', ...words] : [])].join(' ')
}

/** Text as one word that a shell gives on unchanged. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  // Within $'…', which POSIX has since 2024 and shells since long, a line break keeps to its line.
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return `$'${[...text].map(escaped).join('')}'`
  return `'${text.replaceAll("'", "'\\''")}'`
}

function escaped(character: string): string {
  if (character === "'" || character === '\\') return `\\${character}`
  if (!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(character)) return character
  return [...new TextEncoder().encode(character)]
    .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
    .join('')
}
