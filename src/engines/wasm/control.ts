/** The control block in memory, by which the host and its workers meet (assembly/plan/control.ts). */
import { BYTES_OF_CONTROL, CONTROL, WORD } from './plan.ts'

export type ControlWord = keyof typeof CONTROL

export class ControlBlock {
  readonly #words: Int32Array

  constructor(memory: ArrayBufferLike, address: number) {
    this.#words = new Int32Array(memory, address, BYTES_OF_CONTROL / WORD)
  }

  /** Before a job: nothing done, nobody asleep. */
  clear(): void {
    this.#words.fill(0)
  }

  read(word: ControlWord): number {
    return Atomics.load(this.#words, CONTROL[word] / WORD)
  }

  write(word: ControlWord, value: number): void {
    Atomics.store(this.#words, CONTROL[word] / WORD, value)
  }

  /** Makes every worker give up, those that sleep too: nobody may wait for the work of the dead. */
  abort(): void {
    this.write('abort', 1)
    Atomics.add(this.#words, CONTROL.wake / WORD, 1)
    Atomics.notify(this.#words, CONTROL.wake / WORD)
  }
}
