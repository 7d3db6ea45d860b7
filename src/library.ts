/** What Node (`index.ts`) and browsers (`browser.ts`) both have. */
export type { RawData } from './api/checks.ts'
export type { FileFormat, FileOptions } from './api/files.ts'
export type { GenerateOptions, Rows, ScoreOptions, TrainData, TrainOptions } from './api/options.ts'
export type { DataOptions, Proposal, ReadRows, RowsOptions, TestBytes } from './api/own-data.ts'
export { propose, readData } from './api/own-data.ts'
export type { ForeignOptions, ModelOptions } from './api/start.ts'
export type { Dataset, IdxFiles, ImageSet, NamedBytes } from './data/dataset.ts'
export { datasetFromIdx, imageSetFromIdx, limitImages } from './data/dataset.ts'
export { parametersSha256 } from './data/digest.ts'
export { MNIST_PIXELS } from './data/mnist.ts'
export type { Judge, OwnData, OwnDataOptions, RawRows } from './data/own-data.ts'
export { fitPreprocessing, networkData } from './data/own-data.ts'
export type { RowSet } from './data/rows.ts'
export type { Cells, Sheet, SheetColumn } from './data/sinks/sheet.ts'
export { writeSheet } from './data/sinks/sink.ts'
export type { Column, Table, Values } from './data/table.ts'
export type { Engine, EngineInfo, EpochRequest, EpochResult, Inputs, TrainingSet } from './engines/engine.ts'
export type { Simd } from './engines/options.ts'
export { WASM_BITS } from './engines/options.ts'
export type { StopSignal } from './engines/stop-signal.ts'
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
export type { DataKnowledge, ModelToStore, NetworkGuess, StoredModel } from './formats/model-file.ts'
export { readModel, writeModel } from './formats/model-file.ts'
export type { OnnxModel, OnnxNames, OnnxOptions, OnnxPart, OnnxPort } from './formats/onnx.ts'
export { writeOnnx } from './formats/onnx.ts'
export { DEFAULT_CONTAMINATION, ErrorQuantiles } from './model/error-quantiles.ts'
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
  isAutoencoder,
  outputSize,
  parameterCount,
  parameterTable,
} from './model/network.ts'
export type { Feature, PictureShape, Preprocessing, Scaling, ScalingKind } from './model/preprocessing.ts'
export { inputNames, networkRows, rawRows } from './model/preprocessing.ts'
export type {
  AutoencoderLoss,
  ClassifierOptions,
  HourglassOptions,
  OutputActivation,
} from './model/recipes.ts'
export { classifier, classifierOn, hourglass, hourglassOptions } from './model/recipes.ts'
export type { FloatArray, ModelState } from './model/state.ts'
export { stateOf } from './model/state.ts'
export { imageNoise, initialParameters, STREAM_EVALUATION_NOISE, shuffledOrder } from './random/streams.ts'
export type { Checkpoint } from './run/checkpoint.ts'
export { readCheckpoint, writeCheckpoint } from './run/checkpoint.ts'
export type { RunIdentity } from './run/identity.ts'
export { deadLatentUnits } from './run/latent-units.ts'
export { Run } from './run/run.ts'
export type { GivenSettings, NetworkSettings, RunSettings } from './run/settings.ts'
export { completeSettings, DEFAULT_SETTINGS, networkOf, trainingOf } from './run/settings.ts'
export type { ToolHooks, ToolModel } from './tools/model.ts'
export type { Pretrained, PretrainOptions, RowLabels } from './tools/pretrain.ts'
export type { ModelRows, RowOptions } from './tools/rows.ts'
export { rowsForModel } from './tools/rows.ts'
export type { Explanation, Scores } from './tools/score.ts'
export type { Detection, LabelOptions, Measured, Truth } from './tools/score-labels.ts'
export { measureScores, truthOf } from './tools/score-labels.ts'
export { scoreSheet } from './tools/score-sheet.ts'
export type { OutputBias, Schedule, TrainingConfig } from './training/config.ts'
export { checkTraining, DEFAULT_TRAINING, OUTPUT_BIASES, SCHEDULES } from './training/config.ts'
export type { EpochRecord } from './training/history.ts'
export { historyToCsv } from './training/history.ts'
export type { TrainingData, TrainingHooks, TrainingProgress } from './training/trainer.ts'
export { train } from './training/trainer.ts'
