/**
 * Imported before all else by `index.ts`: on a Node that is too old its users read this line, not what fails
 * first.
 */
import { HourglassError } from './errors.ts'

/** The first Node with relaxed SIMD and all else that the library uses, without flags. */
export const FIRST_NODE = 22

if (Number(process.versions.node.split('.')[0]) < FIRST_NODE) {
  const error = new HourglassError(
    `hourglass-autoencoder: expected Node ${FIRST_NODE} or newer, found Node ${process.versions.node}`,
  )
  // Where the import was is no help to who reads it.
  error.stack = `${error.name}: ${error.message}`
  throw error
}
