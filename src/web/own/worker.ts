/**
 * Reads, trains and scores a visitor's own data off the page's thread, which a hostile file costs nothing but
 * a wait.
 */
import { type EpochRecord, type StopSignal, UsageError } from '../../browser.ts'
import { answerCalls } from '../answer-calls.ts'
import { Turns } from '../turns.ts'
import type { AnswerOf, CallOf } from '../worker-calls.ts'
import type { OwnCalls, OwnNews, StopCall } from './calls.ts'
import { OwnSession } from './session.ts'

/** Epochs of small tables take milliseconds: they are told in groups. */
const TELL_MS = 100

/** Of the data that this worker was begun for. */
let session: OwnSession | undefined
let stop = new AbortController()
/** Calls for the model: one that trains, or is replaced by another, gives no files and no rows meanwhile. */
const turns = new Turns()

async function work(call: CallOf<OwnCalls>): Promise<AnswerOf<OwnCalls>> {
  if (call.name === 'read') {
    session = await OwnSession.read(call.files)
    return session.summary()
  }
  if (!session) throw new UsageError('There are no data yet.')
  const of = session
  switch (call.name) {
    // Needs no model: it is told while one trains, too.
    case 'propose':
      return of.propose(call.choice)
    case 'train': {
      // Made before its turn comes, so that it can be stopped until then.
      stop = new AbortController()
      const { signal } = stop
      return turns.take(() => train(of, call, signal))
    }
    case 'page':
      return turns.take(() => of.page(call.by, call.descending, call.from, call.most))
    case 'file':
      return turns.take(() => of.file(call.kind))
  }
}

async function train(of: OwnSession, { choice, wanted }: OwnCalls['train']['ask'], signal: StopSignal) {
  let waiting: EpochRecord[] = []
  let toldMs = performance.now()
  const tell = () => {
    const news: OwnNews = { epochs: waiting }
    if (waiting.length > 0) postMessage(news)
    waiting = []
    toldMs = performance.now()
  }
  const onEpoch = (record: EpochRecord) => {
    waiting.push(record)
    if (performance.now() - toldMs > TELL_MS) tell()
  }
  const summary = await of.train(choice, wanted, onEpoch, signal)
  tell()
  return summary
}

addEventListener('message', ({ data }: MessageEvent<CallOf<OwnCalls> | StopCall>) => {
  if (data.name === 'stop') stop.abort()
})

answerCalls<OwnCalls>(async (call) => ({ answer: await work(call) }))
