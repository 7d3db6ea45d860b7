/** What a program may ask of an `Autoencoder`. */
import { checkValidation, holdBack, type OwnData, type RawRows } from '../data/own-data.ts'
import type { Inputs } from '../engines/engine.ts'
import type { ScalingKind } from '../model/preprocessing.ts'
import type { GivenSettings } from '../run/settings.ts'
import type { GenerateOptions as GenerateSettings } from '../tools/generate.ts'
import type { ToolHooks } from '../tools/model.ts'
import type { ScoreOptions as ScoreSettings } from '../tools/score.ts'
import { TRAINING_RULES, type TrainingConfig } from '../training/config.ts'
import type { TrainingHooks } from '../training/trainer.ts'
import type { RawData } from './checks.ts'

/**
 * (n, inputs), row-major: bytes mean value / 255, black 0 and white 255; floats are taken as they are, black
 * 0 and white 1. Or a set of rows, such as images, of which the rows are taken.
 */
export type Rows = Inputs | Uint8ClampedArray | RawRows

/**
 * Settings of a run, and what happens during it. Without a setting: that of the run it goes on with, else the
 * default.
 */
export interface TrainOptions extends Pick<GivenSettings, keyof TrainingConfig>, TrainingHooks {
  /**
   * How values are scaled, fitted on the training rows and part of the model from then on. Default: as
   * `loadData` and `readData` propose for what they read; `none` for other rows.
   */
  readonly scale?: ScalingKind | undefined
  /**
   * Standard deviations beyond which values are trained on as if they were so many; default 2.5 with
   * `standard`, else 0.
   */
  readonly clip?: number | undefined
  /** Share of the training rows, drawn by the seed, that is held back and judges in place of `test`. */
  readonly validation?: number | undefined
}

/** What a model learns from: rows and what judges them, or what `loadData` and `readData` have read. */
export type TrainData = RawData & Partial<Pick<OwnData, 'features' | 'label' | 'picture' | 'usualScaling'>>

export const TRAIN_OPTIONS = [
  ...Object.keys(TRAINING_RULES),
  'schedule',
  'outputBias',
  'keep',
  'scale',
  'clip',
  'validation',
  ...(['signal', 'onRowsResident', 'onProgress', 'onEpoch'] satisfies (keyof TrainingHooks)[]),
]

export interface ScoreOptions extends ScoreSettings, ToolHooks {}
export interface GenerateOptions extends GenerateSettings, ToolHooks {}

/** The data with the rows held back that `validation` asks for. */
export function validated(
  data: RawData,
  { validation }: TrainOptions,
  inputs: number,
  seed: number,
): RawData {
  if (validation === undefined) return data
  checkValidation(validation, data.test)
  return holdBack(data.train, inputs, validation, seed)
}
