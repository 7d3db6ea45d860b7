/** Messages above the panels: what is missing on this machine and what that costs, and what went wrong. */
import { HourglassError } from '../browser.ts'
import { REMEDY, SHIPPED } from '../engines/wasm/browser-files.ts'
import { byId, element } from './dom.ts'

const ANEW = 'load the page anew'

/**
 * Puts up a message that stays until it is dismissed; one with the same text is not repeated.
 *
 * @param actions buttons beside it
 * @returns takes it away; undefined where it stood already
 */
export function notice(
  text: string,
  kind: 'info' | 'bad' = 'info',
  actions: readonly HTMLButtonElement[] = [],
): (() => void) | undefined {
  const list = byId('notices', HTMLDivElement)
  for (const other of list.children) {
    if (other.firstElementChild?.textContent === text) return undefined
  }
  const close = element('button', { type: 'button', textContent: 'Dismiss' })
  const entry = element('p', { className: kind === 'bad' ? 'notice bad' : 'notice' }, [
    element('span', { textContent: text }),
    ...actions,
    close,
  ])
  close.addEventListener('click', () => entry.remove())
  list.append(entry)
  return () => entry.remove()
}

/** One line for people about anything that was thrown. */
export function errorMessage(error: unknown): string {
  // The library tells programmers what to do; here there are visitors.
  return (error instanceof Error ? error.message : String(error)).replace(REMEDY, ANEW).replace(SHIPPED, ANEW)
}

/** Shows an error. One that is not the user's to mend is a defect of ours: its stack goes to the console. */
export function reportError(error: unknown): void {
  if (!(error instanceof HourglassError)) console.error(error)
  notice(errorMessage(error), 'bad')
}
