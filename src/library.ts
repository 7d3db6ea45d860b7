/** What Node (`index.ts`) and browsers (`browser.ts`) both have. */
export type { FileFormat, FileOptions, Images, TrainOptions } from './api/base-autoencoder.ts'
export type { ModelOptions } from './api/start.ts'
export type { Dataset, IdxFiles, ImageSet, NamedBytes } from './data/dataset.ts'
export { datasetFromIdx, imageSetFromIdx, limitImages } from './data/dataset.ts'
export type { Engine, EngineInfo, EpochRequest, EpochResult, Inputs, TrainingSet } from './engines/engine.ts'
export * from './errors.ts'
export type {
  DenoisingQuality,
  Evaluation,
  EvaluationOptions,
  ImageQuality,
} from './experiments/evaluation.ts'
export { clipToUnit, evaluate, noisyImages, unitImages } from './experiments/evaluation.ts'
export { selectImages } from './experiments/image-sets.ts'
export { interpolateCodes } from './experiments/interpolation.ts'
export { meanSquaredError, peakSignalToNoiseRatio, structuralSimilarity } from './experiments/metrics.ts'
export type { ModelToStore, StoredModel } from './formats/model-file.ts'
export { readModel, writeModel } from './formats/model-file.ts'
export type { OnnxModel, OnnxPart, OnnxPort } from './formats/onnx.ts'
export { writeOnnx } from './formats/onnx.ts'
export type {
  Activation,
  HiddenActivation,
  Layer,
  Loss,
  Network,
  ParameterEntry,
} from './model/network.ts'
export {
  codeSize,
  describeSizes,
  inputSize,
  outputSize,
  parameterCount,
  parameterTable,
} from './model/network.ts'
export type {
  AutoencoderSizes,
  ClassifierOptions,
  HourglassOptions,
  LatentActivation,
} from './model/recipes.ts'
export { autoencoderSizes, classifier, hourglass } from './model/recipes.ts'
export type { FloatArray, ModelState } from './model/state.ts'
export { stateOf } from './model/state.ts'
export { imageNoise, initialParameters, STREAM_EVALUATION_NOISE, shuffledOrder } from './random/streams.ts'
export type { Checkpoint } from './training/checkpoint.ts'
export { readCheckpoint, writeCheckpoint } from './training/checkpoint.ts'
export type { EpochRecord } from './training/history.ts'
export { historyToCsv } from './training/history.ts'
export { deadLatentUnits } from './training/latent-units.ts'
export type { TrainingConfig, TrainingHooks, TrainingProgress } from './training/trainer.ts'
export { DEFAULT_TRAINING, train } from './training/trainer.ts'
