/** A model as the page has it. */
import type { ModelState, Network } from '../browser.ts'

export interface Model {
  readonly network: Network
  readonly state: ModelState
  /** For people: a file's name, or the run that made it. */
  readonly name: string
}
