/** Files that an `Autoencoder` gives. */
import type { OnnxPart } from '../formats/onnx.ts'

export const FILE_FORMATS = ['pth', 'safetensors', 'onnx'] as const
export type FileFormat = (typeof FILE_FORMATS)[number]

export interface FileOptions {
  /** What an ONNX file holds; default `autoencoder`. Other formats hold all parameters. */
  readonly part?: OnnxPart | undefined
  /** Of the part `score`: the error above which a row is an outlier; default `trainingErrors.threshold()`. */
  readonly threshold?: number | undefined
}
