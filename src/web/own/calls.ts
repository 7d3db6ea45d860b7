/** What the Data panel and its worker say to each other. */
import type { EpochRecord } from '../../browser.ts'
import type { PlacedFile } from '../../data/sources/browser.ts'
import type { Choice, OwnFile, SortKey, SourceSummary, Wanted } from './messages.ts'
import type { OwnSession } from './session.ts'

/** What the worker can be asked for, by name. */
export interface OwnCalls {
  read: { ask: { files: readonly PlacedFile[] }; answer: SourceSummary }
  propose: { ask: { choice: Choice }; answer: ReturnType<OwnSession['propose']> }
  train: { ask: { choice: Choice; wanted: Wanted }; answer: Awaited<ReturnType<OwnSession['train']>> }
  page: {
    ask: { by: SortKey; descending: boolean; from: number; most: number }
    answer: ReturnType<OwnSession['page']>
  }
  file: { ask: { kind: OwnFile }; answer: Awaited<ReturnType<OwnSession['file']>> }
}

/** To the worker, and without an answer: training ends with the step under way. */
export interface StopCall {
  readonly name: 'stop'
}

/** Epochs that are done, told while they are. */
export interface OwnNews {
  readonly epochs: readonly EpochRecord[]
}
