/** The errors of the rows that a model was trained on, which its file keeps. Runs in a browser. */
import type { Engine, Inputs } from '../engines/engine.ts'
import { TrainingError } from '../errors.ts'
import { ErrorQuantiles } from '../model/error-quantiles.ts'

/** Of training rows as the network sees them. Throws TrainingError where one is not finite. */
export async function measureTrainingErrors(engine: Engine, rows: Inputs): Promise<ErrorQuantiles> {
  const errors = await engine.reconstructionErrors(rows)
  const bad = errors.findIndex((error) => !Number.isFinite(error))
  if (bad !== -1) {
    throw new TrainingError(
      `the reconstruction error of training row ${bad + 1} is ${errors[bad]}: try a lower learning rate`,
    )
  }
  return ErrorQuantiles.fit(errors)
}
