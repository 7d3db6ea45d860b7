/** A progress bar on the last line of a terminal. */
import { styleText } from 'node:util'

const BAR_COLUMNS = 24
/** It gives up columns for the note down to so many. */
const SHORT_BAR_COLUMNS = 8
/** A shorter bar says nothing. */
const LEAST_BAR_COLUMNS = 4
/** Of a terminal that does not say. */
const USUAL_COLUMNS = 80
const CLEAR_TO_END = '\x1b[K'

export interface ProgressBar {
  /**
   * @param fraction done, 0 to 1
   * @param note parts with a comma and a space between them, the weightiest first: where there is no room the
   * last are left out, and none is cut
   */
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
      const room = columns - shown.length - 1
      const besideNote = room - 1 - note.split(', ')[0].length
      const bar = Math.min(BAR_COLUMNS, besideNote >= SHORT_BAR_COLUMNS ? besideNote : room)
      const filled = Math.round(Math.min(1, Math.max(0, fraction)) * bar)
      const parts = [shown]
      if (bar >= LEAST_BAR_COLUMNS) {
        const done = styleText('cyan', '━'.repeat(filled), { stream })
        parts.push(done + styleText('dim', '─'.repeat(bar - filled), { stream }))
      }
      const fitting = wholeParts(note, room - bar - 1)
      if (fitting !== '') parts.push(fitting)
      stream.write(`\r${parts.join(' ')}${CLEAR_TO_END}`)
      isDrawn = true
    },
    clear() {
      if (isDrawn) stream.write(`\r${CLEAR_TO_END}`)
      isDrawn = false
    },
  }
}

/** As many parts of the note, from the first on, as so many columns hold. */
function wholeParts(note: string, columns: number): string {
  const parts = note.split(', ')
  while (parts.length > 0 && parts.join(', ').length > columns) parts.pop()
  return parts.join(', ')
}

const RATE_SPAN_MS = 5000
/** Less time than this gives no rate worth a word. */
const LEAST_RATE_MS = 200

/** How fast a count grows: over the last seconds, so that a slow start is forgotten. */
export class Rate {
  #samples: { readonly ms: number; readonly count: number }[] = []

  /** @returns the count's growth in a second; undefined where it is not known yet */
  add(count: number, ms = performance.now()): number | undefined {
    this.#samples.push({ ms, count })
    while (this.#samples.length > 2 && this.#samples[1].ms < ms - RATE_SPAN_MS) this.#samples.shift()
    const [first] = this.#samples
    const spanMs = ms - first.ms
    return spanMs < LEAST_RATE_MS || count <= first.count
      ? undefined
      : ((count - first.count) * 1000) / spanMs
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
