/**
 * Reads, trains and scores a visitor's own data off the page's thread, which a hostile file costs nothing but
 * a wait.
 */
import { type EpochRecord, HourglassError } from '../../browser.ts'
import type { OwnAnswer, OwnCallName, OwnCalls, OwnMessage } from './calls.ts'
import { OwnSession } from './session.ts'

/** Epochs of small tables take milliseconds: they are told in groups. */
const TELL_MS = 100

const session = new OwnSession()
let stop = new AbortController()

function answer(message: OwnAnswer): void {
  postMessage(message)
}

async function work(call: Exclude<OwnMessage, { name: 'stop' }>): Promise<OwnCalls[OwnCallName]['answer']> {
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
    if (waiting.length > 0) answer({ epochs: waiting })
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

addEventListener('message', ({ data: call }: MessageEvent<OwnMessage>) => {
  if (call.name === 'stop') {
    stop.abort()
    return
  }
  const { id } = call
  work(call).then(
    (found) => answer({ id, answer: found }),
    (error: unknown) => {
      const isOurs = !(error instanceof HourglassError)
      answer({ id, problem: error instanceof Error ? error.message : String(error), isOurs })
    },
  )
})
