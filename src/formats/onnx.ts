/**
 * ONNX models, writing only. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 *
 * Every layer y = f(x Wᵀ + b) is a `Gemm` with transB = 1, followed by its activation. The batch axis is dynamic.
 */
import { UsageError } from '../errors.ts'
import type { Activation, Layer, Network } from '../model/network.ts'
import { isAutoencoder, parameterTable } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'
import { concatBytes } from './bytes.ts'
import { integerField, messageField, textField } from './protobuf.ts'
import { tensorBytes } from './tensor.ts'

/** `encoder` ends with the code layer, `decoder` begins after it. */
export type OnnxPart = 'autoencoder' | 'encoder' | 'decoder'
export const ONNX_PARTS: readonly OnnxPart[] = ['autoencoder', 'encoder', 'decoder']

/** A named float32 input or output of shape (batch, size). */
export interface OnnxPort {
  readonly name: string
  readonly size: number
}

export interface OnnxModel {
  /** The .onnx file. */
  readonly bytes: Uint8Array
  readonly input: OnnxPort
  readonly output: OnnxPort
}

/** Of 2021: old enough for every runtime in use, and all that these operators need. */
const OPSET_VERSION = 17
const IR_VERSION = 8

/** TensorProto.DataType.FLOAT and AttributeProto.AttributeType.INT. */
const FLOAT = 1
const INT_ATTRIBUTE = 2

const OPERATORS: Readonly<Record<Activation, string>> = {
  relu: 'Relu',
  identity: 'Identity',
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  softmax: 'Softmax',
}

/** What inputs and outputs are called. */
export interface OnnxNames {
  /** A row of the network's inputs; default `image`. */
  readonly row?: string
  /** Default `code`. */
  readonly code?: string
  /** A row of its outputs; default `reconstruction`, or `probabilities` for a classifier. */
  readonly output?: string
}

/**
 * An .onnx file of float32, of any network that engines compute: parts are cut at its code layer.
 *
 * | part        | input                     | output                              |
 * |-------------|---------------------------|-------------------------------------|
 * | autoencoder | `image` (batch, inputs)   | `reconstruction` (batch, outputs)   |
 * | encoder     | `image` (batch, inputs)   | `code` (batch, units)               |
 * | decoder     | `code` (batch, units)     | `reconstruction` (batch, outputs)   |
 *
 * Inputs are what the engines take as floats: pixels in [0, 1] for networks of images.
 *
 * @param parameters (parameterCount), in the order of `parameterTable`
 * @throws UsageError for the decoder of a network whose last layer is the code's
 */
export function writeOnnx(
  network: Network,
  parameters: FloatArray,
  part: OnnxPart = 'autoencoder',
  names: OnnxNames = {},
): OnnxModel {
  const first = part === 'decoder' ? network.codeLayer + 1 : 0
  const last = part === 'encoder' ? network.codeLayer : network.layers.length - 1
  const layers = network.layers.slice(first, last + 1)
  if (layers.length === 0) {
    throw new UsageError('decoder: expected layers after the code layer, found none: it is the last')
  }
  const { row = 'image', code = 'code' } = names
  const { output: outputName = isAutoencoder(network) ? 'reconstruction' : 'probabilities' } = names
  const input = { name: part === 'decoder' ? code : row, size: layers[0].inputs }
  const output = {
    name: part === 'encoder' ? code : outputName,
    size: layers[layers.length - 1].outputs,
  }

  const nodes: Uint8Array[] = []
  let previous = input.name
  for (const layer of layers) {
    const next = layer === layers[layers.length - 1] ? output.name : `${layer.name}.output`
    nodes.push(...layerNodes(layer, previous, next))
    previous = next
  }
  const used = new Set(layers.flatMap(({ name }) => [`${name}.weight`, `${name}.bias`]))
  const initializers = parameterTable(network)
    .filter(({ name }) => used.has(name))
    .map(({ name, shape, offset, length }) =>
      initializer(name, shape, Float32Array.from(parameters.subarray(offset, offset + length))),
    )

  const graph = messageField(7, [
    ...nodes,
    textField(2, part),
    ...initializers,
    messageField(11, valueInfo(input)),
    messageField(12, valueInfo(output)),
  ])
  const opset = messageField(8, [textField(1, ''), integerField(2, OPSET_VERSION)])
  const bytes = concatBytes([integerField(1, IR_VERSION), textField(2, 'hourglass'), graph, opset])
  return { bytes, input, output }
}

/** GraphProto.node (field 1), twice: Gemm and activation. */
function layerNodes(layer: Layer, input: string, output: string): Uint8Array[] {
  const linear = `${layer.name}.linear`
  const transB = messageField(5, [
    textField(1, 'transB'),
    integerField(3, 1),
    integerField(20, INT_ATTRIBUTE),
  ])
  return [
    node('Gemm', linear, [input, `${layer.name}.weight`, `${layer.name}.bias`], linear, [transB]),
    node(OPERATORS[layer.activation], `${layer.name}.activation`, [linear], output, []),
  ]
}

function node(
  operator: string,
  name: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Uint8Array[],
): Uint8Array {
  return messageField(1, [
    ...inputs.map((input) => textField(1, input)),
    textField(2, output),
    textField(3, name),
    textField(4, operator),
    ...attributes,
  ])
}

/** GraphProto.initializer (field 5): a TensorProto with raw_data. */
function initializer(name: string, shape: readonly number[], data: Float32Array): Uint8Array {
  const dims = shape.map((size) => integerField(1, size))
  return messageField(5, [
    ...dims,
    integerField(2, FLOAT),
    textField(8, name),
    messageField(9, [tensorBytes(data)]),
  ])
}

/** Fields of a ValueInfoProto: a float tensor of shape (batch, size). */
function valueInfo({ name, size }: OnnxPort): Uint8Array[] {
  const batch = messageField(1, [textField(2, 'batch')])
  const columns = messageField(1, [integerField(1, size)])
  const tensorType = messageField(1, [integerField(1, FLOAT), messageField(2, [batch, columns])])
  return [textField(1, name), messageField(2, [tensorType])]
}
