/** Hourglass in Node: all that the commands do, for a program. Begin with `Autoencoder` and `loadDataset`. */
import './node-version.ts'

export type { CreateOptions, LoadOptions } from './api/node.ts'
export { Autoencoder, createEngine, loadData } from './api/node.ts'
export { loadDataset } from './data/node-files.ts'
export type { Device, EngineOptions } from './engines/create.ts'
export type { EvaluationFigureOptions, EvaluationFigures } from './experiments/evaluation-figures.ts'
export { drawEvaluationFigures } from './experiments/evaluation-figures.ts'
export type { ImageCell, ImageGrid } from './figures/image-grid.ts'
export { drawImageGrid } from './figures/image-grid.ts'
export { drawLossCurve } from './figures/loss-curve.ts'
export type { LossCurveOptions, LossCurvePoint } from './figures/loss-curve-options.ts'
export * from './library.ts'
