/**
 * What a file may cost its reader. Every reader of files from outside counts here before it allocates or
 * repeats itself, so that a small file never takes much memory or time, whatever it says of itself. Runs in a
 * browser.
 *
 * All limits are multiples of the file's size, with a constant beside them that lets small files be.
 */
import { FileError } from './errors.ts'

/** Bytes of memory that reading may take for each byte of the file: arrays and objects together. */
export const MEMORY_PER_BYTE = 6
/** Bytes of arrays beside that multiple. */
export const ARRAYS_BESIDES = 2 ** 20
/** The same where data may compress well: blank pictures do a thousandfold, columns of one value more. */
export const INFLATED_BESIDES = 2 ** 27
/** Bytes of objects beside that multiple. */
const OBJECTS_BESIDES = 2 ** 24
/** No more than V8 keeps in a Map, and more than any honest file has. */
const MOST_OBJECTS = 2 ** 22
/** Steps of some nanoseconds each. */
const WORK_PER_BYTE = 32
const WORK_BESIDES = 1e6
/** Nested lists, dicts and JSON objects. */
export const MOST_DEPTH = 100

/** What is left to the reader of one file. Each method throws a `FileError` where that is exceeded. */
export class ReaderBudget {
  readonly #file: string
  readonly #fileBytes: number
  readonly #arraysBesides: number
  #arrayBytes = 0
  #objectBytes = 0
  #objects = 0
  #work = 0

  /**
   * @param file its name, for errors
   * @param fileBytes its size as it lies on disk
   * @param arraysBesides bytes of arrays that are allowed whatever the file's size
   */
  constructor(file: string, fileBytes: number, arraysBesides = ARRAYS_BESIDES) {
    this.#file = file
    this.#fileBytes = fileBytes
    this.#arraysBesides = arraysBesides
  }

  /** Counts an array before it is made. `what` begins the complaint: it is what asks for so much. */
  arrays(bytes: number, what: string): void {
    this.#arrayBytes += bytes
    const most = MEMORY_PER_BYTE * this.#fileBytes + this.#arraysBesides
    // "Not at most": NaN, from a size that is none, is too much as well.
    if (!(this.#arrayBytes <= most)) {
      throw this.#fault(`${what} takes the data beyond ${MEMORY_PER_BYTE} times the file`)
    }
    this.#checkMemory()
  }

  /** Counts objects of about `bytesEach` before they are made. */
  objects(count: number, bytesEach: number): void {
    this.#objects += count
    this.#objectBytes += count * bytesEach
    if (!(this.#objects <= MOST_OBJECTS)) throw this.#fault(`it holds more than ${MOST_OBJECTS} objects`)
    this.#checkMemory()
  }

  /** Counts steps of work that the file makes the reader do beside reading each of its bytes once. */
  work(steps: number): void {
    this.#work += steps
    if (!(this.#work <= WORK_PER_BYTE * this.#fileBytes + WORK_BESIDES)) {
      throw this.#fault(`it asks for more work than ${WORK_PER_BYTE} steps for each of its bytes`)
    }
  }

  /** Checks how deep things are nested in one another. */
  depth(levels: number): void {
    if (levels > MOST_DEPTH) throw this.#fault(`it nests more than ${MOST_DEPTH} levels deep`)
  }

  #checkMemory(): void {
    const most = MEMORY_PER_BYTE * this.#fileBytes + this.#arraysBesides + OBJECTS_BESIDES
    if (!(this.#arrayBytes + this.#objectBytes <= most)) {
      throw this.#fault(`what it describes takes more than ${MEMORY_PER_BYTE} times the file's memory`)
    }
  }

  #fault(problem: string): FileError {
    return new FileError(this.#file, problem)
  }
}
