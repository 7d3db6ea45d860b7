/** What the Data panel and its worker tell each other. */
import type { FloatArray, Measured } from '../../browser.ts'
import type { Bins } from '../../figures/bins.ts'
import type { PictureShape } from '../../model/preprocessing.ts'

export interface ColumnSummary {
  readonly name: string
  readonly kind: 'number' | 'text'
  /** The first cells that are not empty. */
  readonly example: string
}

/** What was read. */
export interface SourceSummary {
  readonly file: string
  readonly description: string
  /** Undefined for arrays and pictures, whose values have no names. */
  readonly columns?: readonly ColumnSummary[] | undefined
}

/** What becomes of the data: flags of `npm run train` of the same names. */
export interface Choice {
  readonly label?: string | undefined
  readonly exclude: readonly string[]
  readonly oneHot: readonly string[]
  readonly missing: 'error' | 'drop' | 'mean'
  /** Share of the rows that is held back and judges. */
  readonly validation?: number | undefined
  readonly seed: number
}

/** The network and the training that are proposed, for people and for the form. */
export interface ProposalSummary {
  readonly sizes: string
  readonly rows: number
  readonly batch: number
  readonly z: number
  readonly epochs: number
  readonly notes: readonly string[]
}

/** What the visitor set otherwise, and the machine. */
export interface Wanted {
  readonly z?: number | undefined
  readonly epochs?: number | undefined
  readonly threads: number
}

export type SortKey = 'row' | 'error' | 'verdict' | 'label'

/** A row of the list of scores. */
export interface ScoredRow {
  /** As in the file of scores: from 1 on; of pictures, the path beside it. */
  readonly row: number
  readonly name?: string | undefined
  readonly error: number
  readonly percentile: number
  readonly isOutlier: boolean
  readonly label?: string | undefined
  /** The columns that contribute most, with their shares of the row's error. */
  readonly reasons: readonly { readonly name: string; readonly share: number }[]
}

/** Pictures of greatest error, and what came out for each. */
export interface WorstPictures {
  readonly shape: PictureShape
  readonly names: readonly string[]
  readonly originals: readonly FloatArray[]
  readonly outputs: readonly FloatArray[]
}

export interface ScoreSummary {
  readonly sizes: string
  readonly epoch: number
  readonly epochs: number
  readonly sha256: string | undefined
  readonly count: number
  readonly threshold: number
  readonly flagged: number
  /** Of the errors: of all rows, or of inliers and outliers, where the label tells them apart. */
  readonly bins: Bins
  readonly isByLabel: boolean
  readonly hasLabels: boolean
  readonly measured?: Measured | undefined
  readonly worst?: WorstPictures | undefined
  readonly notes: readonly string[]
}

/** Files that can be had. */
export type OwnFile = 'scores' | 'codes' | 'safetensors' | 'checkpoint'
