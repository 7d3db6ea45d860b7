/**
 * Errors that are the user's to mend: one line that names the flag or file, what was expected and what was
 * found. Commands print the message alone; anything that is not a `HourglassError` is a defect of ours and
 * prints a stack.
 *
 * Text from outside stands in them as `quote` gives it; what escapes that, such as a file's own name, is made
 * printable here, so that no message moves the cursor of a terminal.
 */
import { printable } from './quote.ts'

/** What every error of ours has in common: a message of one line. */
export class HourglassError extends Error {
  override name = 'HourglassError'
  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options)
  }
}

/** A flag or argument has a value that cannot be used. Commands exit with 2. */
export class UsageError extends HourglassError {
  override name = 'UsageError'
}

/**
 * A file is missing, damaged, of another format or of another shape. The message begins with the file's name.
 */
export class FileError extends HourglassError {
  override name = 'FileError'
  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options)
  }
}

/** The chosen device cannot compute here. The message says why and what to install or choose instead. */
export class DeviceError extends HourglassError {
  override name = 'DeviceError'
}

/** Training cannot go on: the loss is no longer finite, or a worker failed. */
export class TrainingError extends HourglassError {
  override name = 'TrainingError'
}
