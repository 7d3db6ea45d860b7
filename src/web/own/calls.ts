/** What the Data panel and its worker say to each other. */
import type { EpochRecord } from '../../browser.ts'
import type { PlacedFile } from '../../data/sources/browser.ts'
import type { Choice, OwnFile, OwnSession, SortKey, Wanted } from './session.ts'

/** What the worker can be asked for, by name. */
export interface OwnCalls {
  read: { ask: { files: readonly PlacedFile[] }; answer: Awaited<ReturnType<OwnSession['read']>> }
  propose: { ask: { choice: Choice }; answer: ReturnType<OwnSession['propose']> }
  train: { ask: { choice: Choice; wanted: Wanted }; answer: Awaited<ReturnType<OwnSession['train']>> }
  page: {
    ask: { by: SortKey; descending: boolean; from: number; most: number }
    answer: ReturnType<OwnSession['page']>
  }
  file: { ask: { kind: OwnFile }; answer: Awaited<ReturnType<OwnSession['file']>> }
}

export type OwnCallName = keyof OwnCalls

/** To the worker. */
export type OwnMessage =
  | {
      [Name in OwnCallName]: { readonly id: number; readonly name: Name } & OwnCalls[Name]['ask']
    }[OwnCallName]
  /** Training ends with the step under way. */
  | { readonly name: 'stop' }

/** From it. */
export type OwnAnswer =
  | { readonly id: number; readonly answer: OwnCalls[OwnCallName]['answer'] }
  /** `isOurs`: a defect of the page, and nothing that its user could mend. */
  | { readonly id: number; readonly problem: string; readonly isOurs: boolean }
  | { readonly epochs: readonly EpochRecord[] }
