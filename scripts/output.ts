/**
 * What a command prints must not decide over what it does: where stdout or stderr takes no more (a full disk,
 * a reader that went away, a terminal that was closed), the command goes on without.
 */
import { errorCode, reason } from '../src/files/reason.ts'

export interface Output {
  /**
   * Why stdout took no more, if so. A reader that went away, as `head` does, is its own wish and no failure.
   */
  failure(): string | undefined
}

/**
 * A reader that has read enough is not told what it knows, unless the command goes on for longer than this.
 */
const NOTE_AFTER_MS = 1000

/** Codes of a pipe whose reader is gone, and of what is written to it later. */
const READER_GONE = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']

/**
 * Lets the process survive failures of its output streams, and says each once, on the stream that is left.
 */
export function surviveOutput(
  stdout: NodeJS.WriteStream = process.stdout,
  stderr: NodeJS.WriteStream = process.stderr,
): Output {
  const failures = new Map<NodeJS.WriteStream, Error>()
  const note = (stream: NodeJS.WriteStream) => {
    if (stream !== stdout || failures.has(stderr)) return
    const why = reason(failures.get(stdout))
    stderr.write(`stdout takes no more (${why}): what follows is not printed, and the work goes on\n`)
  }
  const listen = (stream: NodeJS.WriteStream) => {
    stream.on('error', (error: Error) => {
      if (failures.has(stream)) return
      failures.set(stream, error)
      if (!READER_GONE.includes(errorCode(error))) note(stream)
      else setTimeout(note, NOTE_AFTER_MS, stream).unref()
    })
  }
  listen(stdout)
  listen(stderr)
  return {
    failure() {
      const error = failures.get(stdout)
      return error && !READER_GONE.includes(errorCode(error)) ? reason(error) : undefined
    },
  }
}
