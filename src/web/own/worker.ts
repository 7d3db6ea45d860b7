/**
 * Reads, trains and scores a visitor's own data off the page's thread, which a hostile file costs nothing but
 * a wait.
 */
import type { EpochRecord } from '../../browser.ts'
import { answerCalls } from '../answer-calls.ts'
import type { AnswerOf, CallOf } from '../worker-calls.ts'
import type { OwnCalls, OwnNews, StopCall } from './calls.ts'
import { OwnSession } from './session.ts'

/** Epochs of small tables take milliseconds: they are told in groups. */
const TELL_MS = 100

const session = new OwnSession()
let stop = new AbortController()

async function work(call: CallOf<OwnCalls>): Promise<AnswerOf<OwnCalls>> {
  switch (call.name) {
    case 'read':
      return session.read(call.files)
    case 'propose':
      return session.propose(call.choice)
    case 'train':
      return train(call)
    case 'page':
      return session.page(call.by, call.descending, call.from, call.most)
    case 'file':
      return session.file(call.kind)
  }
}

async function train({ choice, wanted }: OwnCalls['train']['ask']) {
  stop = new AbortController()
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
  const summary = await session.train(choice, wanted, onEpoch, stop.signal)
  tell()
  return summary
}

addEventListener('message', ({ data }: MessageEvent<CallOf<OwnCalls> | StopCall>) => {
  if (data.name === 'stop') stop.abort()
})

answerCalls<OwnCalls>(async (call) => ({ answer: await work(call) }))
