/** A progress bar on the last line of a terminal. */
import { styleText } from 'node:util'

const BAR_COLUMNS = 24
/** Of a terminal that does not say. */
const USUAL_COLUMNS = 80
const CLEAR_TO_END = '\x1b[K'

export interface ProgressBar {
  /** @param fraction done, 0 to 1 */
  draw(label: string, fraction: number, note: string): void
  /** Takes the bar away, so that a line can be printed. */
  clear(): void
}

/** A bar on `stream`, which draws nothing where that is no terminal. Colours honour NO_COLOR. */
export function progressBar(stream: NodeJS.WriteStream): ProgressBar {
  if (!stream.isTTY) return { draw: () => {}, clear: () => {} }
  let isDrawn = false
  return {
    draw(label, fraction, note) {
      const filled = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_COLUMNS)
      const done = styleText('cyan', '━'.repeat(filled), { stream })
      const left = styleText('dim', '─'.repeat(BAR_COLUMNS - filled), { stream })
      const room = Math.max(0, (stream.columns || USUAL_COLUMNS) - BAR_COLUMNS - label.length - 3)
      stream.write(`\r${label} ${done}${left} ${note.slice(0, room)}${CLEAR_TO_END}`)
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
