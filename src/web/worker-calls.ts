/**
 * Calls of the page to a worker of its own, by name: each has one answer, in any order. What the worker says
 * unasked is news.
 */
import { FileError, HourglassError } from '../browser.ts'

/** What a worker can be asked for, by name. */
export type Callable<Calls> = {
  [Name in keyof Calls]: { readonly ask: object; readonly answer: unknown }
}

export type CallOf<Calls extends Callable<Calls>> = {
  [Name in keyof Calls]: { readonly id: number; readonly name: Name } & Calls[Name]['ask']
}[keyof Calls]

export type AnswerOf<Calls extends Callable<Calls>> = Calls[keyof Calls]['answer']

type AnswerMessage =
  | { readonly id: number; readonly answer: unknown }
  /** `isOurs`: a defect of the page, and nothing that its user could mend. */
  | { readonly id: number; readonly problem: string; readonly isOurs: boolean }

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
}

/** What reading a file may take: no honest one takes a tenth of it. */
export const MAX_READING_MS = 10_000

/** A call that fails rejects with a `HourglassError` for what is the user's to mend. */
export class WorkerCalls<Calls extends Callable<Calls>, News = never> {
  readonly #start: () => Worker
  readonly #failure: string
  readonly #onNews: (news: News) => void
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #nextId = 1

  /**
   * @param start makes the worker, when it is needed
   * @param failure what to tell people if it cannot be loaded or falls over
   */
  constructor(start: () => Worker, failure: string, onNews: (news: News) => void = () => undefined) {
    this.#start = start
    this.#failure = failure
    this.#onNews = onNews
  }

  /** @param transfer buffers that are the worker's from then on */
  call<Name extends keyof Calls & string>(
    name: Name,
    ask: Calls[Name]['ask'],
    transfer: Transferable[] = [],
  ): Promise<Calls[Name]['answer']> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject })
      this.post({ id, name, ...ask }, transfer)
    })
  }

  /**
   * A call that reads `file`, by name. What is too long in the reading ends, and with it all that the worker
   * holds.
   */
  async callWithin<Name extends keyof Calls & string>(
    mostMs: number,
    file: string,
    name: Name,
    ask: Calls[Name]['ask'],
    transfer: Transferable[] = [],
  ): Promise<Calls[Name]['answer']> {
    const timer = setTimeout(() => {
      const seconds = Math.round(mostMs / 1000)
      const found = 'found one that is not'
      this.end(new FileError(file, `expected a file that is read within ${seconds} s, ${found}`))
    }, mostMs)
    try {
      return await this.call(name, ask, transfer)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Says something that has no answer. */
  post(message: object, transfer: Transferable[] = []): void {
    this.#worker ??= this.#begin()
    this.#worker.postMessage(message, transfer)
  }

  /** Ends the worker and all that it holds; what waits for it rejects. The next call starts another. */
  end(why: Error): void {
    this.#worker?.terminate()
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(why)
    this.#waiting.clear()
  }

  #begin(): Worker {
    const worker = this.#start()
    worker.addEventListener('message', ({ data }: MessageEvent<AnswerMessage | News>) => this.#take(data))
    worker.addEventListener('error', () => this.end(new HourglassError(this.#failure)))
    return worker
  }

  #take(message: AnswerMessage | News): void {
    if (!isAnswer(message)) {
      this.#onNews(message)
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if ('answer' in message) waiting?.resolve(message.answer)
    else waiting?.reject(message.isOurs ? new Error(message.problem) : new HourglassError(message.problem))
  }
}

function isAnswer(message: unknown): message is AnswerMessage {
  return message !== null && typeof message === 'object' && 'id' in message
}
