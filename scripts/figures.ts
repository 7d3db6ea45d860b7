/** Figures of a command, which never decide over its numbers: where they cannot be drawn, a line says so. */
import { HourglassError } from '../src/errors.ts'
import { loadCanvas } from '../src/figures/canvas.ts'

/** Says at the start, on stderr, where there will be no figures; undefined then. */
export async function figuresOrNotice(): Promise<'figures' | undefined> {
  try {
    await loadCanvas()
    return 'figures'
  } catch (error) {
    notice(error)
    return undefined
  }
}

/** What `draw` gives; undefined, and a line on stderr, where it cannot be drawn. Throws what is a defect. */
export async function drawOrNotice<Drawn>(draw: () => Promise<Drawn>): Promise<Drawn | undefined> {
  try {
    return await draw()
  } catch (error) {
    notice(error)
    return undefined
  }
}

function notice(error: unknown): void {
  if (!(error instanceof HourglassError)) throw error
  console.error(`no figures are drawn: ${error.message}`)
}
