/** The worker's side of `worker-calls.ts`. */
import { HourglassError } from '../errors.ts'
import type { AnswerOf, Callable, CallOf } from './worker-calls.ts'

/** An answer, and buffers of it that are the page's from then on. */
export interface Answered<Answer> {
  readonly answer: Answer
  readonly transfer?: Transferable[]
}

/** Answers every call by `work`, until the worker ends. */
export function answerCalls<Calls extends Callable<Calls>>(
  work: (call: CallOf<Calls>) => Promise<Answered<AnswerOf<Calls>>>,
): void {
  addEventListener('message', ({ data: call }: MessageEvent<CallOf<Calls>>) => {
    // What has no id waits for no answer.
    if (call.id === undefined) return
    const { id } = call
    work(call).then(
      ({ answer, transfer = [] }) => postMessage({ id, answer }, { transfer }),
      (error: unknown) => {
        const isOurs = !(error instanceof HourglassError)
        postMessage({ id, problem: error instanceof Error ? error.message : String(error), isOurs })
      },
    )
  })
}
