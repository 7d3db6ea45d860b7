/** A progress bar on the last line of a terminal. */
import { styleText } from 'node:util'

const BAR_COLUMNS = 24
/** A shorter bar says nothing. */
const LEAST_BAR_COLUMNS = 4
/** Of a terminal that does not say. */
const USUAL_COLUMNS = 80
const CLEAR_TO_END = '\x1b[K'

export interface ProgressBar {
  /** @param fraction done, 0 to 1 */
  draw(label: string, fraction: number, note: string): void
  /** Takes the bar away, so that a line can be printed. */
  clear(): void
}

/**
 * A bar on `stream`, which draws nothing where that is no terminal, or one that cannot go back to the start
 * of a line. It stays within one line of any width. Colours honour NO_COLOR.
 */
export function progressBar(stream: NodeJS.WriteStream): ProgressBar {
  if (!stream.isTTY || process.env.TERM === 'dumb') return { draw: () => {}, clear: () => {} }
  let isDrawn = false
  return {
    draw(label, fraction, note) {
      // In the last column some terminals begin a new line.
      const columns = (stream.columns || USUAL_COLUMNS) - 1
      const shown = label.slice(0, columns)
      const bar = Math.min(BAR_COLUMNS, columns - shown.length - 1)
      const filled = Math.round(Math.min(1, Math.max(0, fraction)) * bar)
      const parts = [shown]
      if (bar >= LEAST_BAR_COLUMNS) {
        const done = styleText('cyan', '━'.repeat(filled), { stream })
        parts.push(done + styleText('dim', '─'.repeat(bar - filled), { stream }))
      }
      const room = columns - shown.length - 1 - bar - 1
      if (room > 0) parts.push(note.slice(0, room))
      stream.write(`\r${parts.join(' ')}${CLEAR_TO_END}`)
      isDrawn = true
    },
    clear() {
      if (isDrawn) stream.write(`\r${CLEAR_TO_END}`)
      isDrawn = false
    },
  }
}

/** Seconds for people: `48 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown'
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
