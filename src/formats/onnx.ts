/**
 * ONNX models, writing only. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 *
 * Every layer y = f(x Wᵀ + b) is a `Gemm` with transB = 1, followed by its activation. The batch axis is
 * dynamic.
 */
import { UsageError } from '../errors.ts'
import type { Activation, Layer, Network } from '../model/network.ts'
import { isAutoencoder, parameterTable } from '../model/network.ts'
import { inputFills, type Preprocessing, type Scaling } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { unseenOf } from '../model/unseen.ts'
import { concatBytes } from './bytes.ts'
import { integerField, messageField, textField } from './protobuf.ts'
import { tensorBytes } from './tensor.ts'

/**
 * `encoder` ends with the code layer, `decoder` begins after it; `score` is the error of each row, and a
 * verdict.
 */
export type OnnxPart = 'autoencoder' | 'encoder' | 'decoder' | 'score'
export const ONNX_PARTS: readonly OnnxPart[] = ['autoencoder', 'encoder', 'decoder', 'score']

/** A named input or output: float32 of shape (batch, size); of `score`, one value a row, (batch). */
export interface OnnxPort {
  readonly name: string
  readonly size: number
}

export interface OnnxModel {
  /** The .onnx file. */
  readonly bytes: Uint8Array
  readonly input: OnnxPort
  readonly output: OnnxPort
  /** Of `score`: whether the error is above the threshold, boolean. */
  readonly verdict?: OnnxPort
}

/** Of 2021: old enough for every runtime in use, and all that these operators need. */
const OPSET_VERSION = 17
const IR_VERSION = 8

/** TensorProto.DataType. */
const FLOAT = 1
const BOOL = 9
const DOUBLE = 11
/** AttributeProto.AttributeType. */
const INT_ATTRIBUTE = 2
const INTS_ATTRIBUTE = 7

const OPERATORS: Readonly<Record<Activation, string>> = {
  relu: 'Relu',
  identity: 'Identity',
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  softmax: 'Softmax',
}

/** What inputs and outputs are called. */
export interface OnnxNames {
  /** A row of inputs; default `image`, or `row` where columns or a scaling say that it is none. */
  readonly row?: string
  /** Default `code`. */
  readonly code?: string
  /** A row of its outputs; default `reconstruction`, or `probabilities` for a classifier. */
  readonly output?: string
}

export interface OnnxOptions extends OnnxNames {
  /** How raw rows become what the network sees: becomes part of the graph. */
  readonly preprocessing?: Preprocessing | undefined
  /** Of `score`, which needs it: errors above it are outliers. */
  readonly threshold?: number | undefined
}

/**
 * An .onnx file of float32, of any network that engines compute: parts are cut at its code layer.
 *
 * | part        | input                     | output                              |
 * |-------------|---------------------------|-------------------------------------|
 * | autoencoder | `image` (batch, inputs)   | `reconstruction` (batch, outputs)   |
 * | encoder     | `image` (batch, inputs)   | `code` (batch, units)               |
 * | decoder     | `code` (batch, units)     | `reconstruction` (batch, outputs)   |
 * | score       | `image` (batch, inputs)   | `error`, `verdict` (batch)          |
 *
 * Inputs are what the engines take as floats: pixels in [0, 1] for networks of images. With preprocessing
 * rows are raw ones, going in and coming out: empty cells (NaN) are filled, and scaling is computed in
 * float64. The error is the mean square over a row's values, as the network sees them.
 *
 * @param parameters (parameterCount), in the order of `parameterTable`
 * @throws UsageError for the decoder of a network whose last layer is the code's, and for the score of a
 *   classifier or without a threshold
 */
export function writeOnnx(
  network: Network,
  parameters: FloatArray,
  part: OnnxPart = 'autoencoder',
  options: OnnxOptions = {},
): OnnxModel {
  if (part === 'score') checkScore(network, options)
  const first = part === 'decoder' ? network.codeLayer + 1 : 0
  const last = part === 'encoder' ? network.codeLayer : network.layers.length - 1
  const layers = network.layers.slice(first, last + 1)
  if (layers.length === 0) {
    throw new UsageError('decoder: expected layers after the code layer, found none: it is the last')
  }
  const { preprocessing = {}, threshold = 0 } = options
  const isNamed = preprocessing.features !== undefined || preprocessing.scaling !== undefined
  const { row = isNamed && preprocessing.picture === undefined ? 'row' : 'image', code = 'code' } = options
  const { output: outputName = isAutoencoder(network) ? 'reconstruction' : 'probabilities' } = options
  const isScore = part === 'score'
  const input = { name: part === 'decoder' ? code : row, size: layers[0].inputs }
  const output = {
    name: part === 'encoder' ? code : isScore ? 'error' : outputName,
    size: isScore ? 1 : layers[layers.length - 1].outputs,
  }

  const before = part === 'decoder' ? PASSED_BY : rawToNetwork(preprocessing, input.name)
  const ends = part === 'autoencoder' || part === 'decoder'
  const after = ends && isAutoencoder(network) ? networkToRaw(preprocessing, output.name) : PASSED_BY
  const score = isScore
    ? scoreOf(before.output ?? input.name, output.name, threshold, preprocessing.scaling)
    : PASSED_BY
  const modelled = after.input ?? score.input ?? output.name

  const nodes: Uint8Array[] = [...before.nodes]
  let previous = before.output ?? input.name
  for (const layer of layers) {
    const next = layer === layers[layers.length - 1] ? modelled : `${layer.name}.output`
    nodes.push(...layerNodes(layer, previous, next))
    previous = next
  }
  nodes.push(...after.nodes, ...score.nodes)
  const used = new Set(layers.flatMap(({ name }) => [`${name}.weight`, `${name}.bias`]))
  const initializers = parameterTable(network)
    .filter(({ name }) => used.has(name))
    .map(({ name, shape, offset, length }) =>
      initializer(name, shape, Float32Array.from(parameters.subarray(offset, offset + length))),
    )
  const verdict = { name: VERDICT, size: 1 }

  const graph = messageField(7, [
    ...nodes,
    textField(2, part),
    ...initializers,
    ...[before, after, score].flatMap((piece) => piece.initializers),
    messageField(11, valueInfo(input)),
    messageField(12, isScore ? valueInfo(output, FLOAT, 1) : valueInfo(output)),
    ...(isScore ? [messageField(12, valueInfo(verdict, BOOL, 1))] : []),
  ])
  const opset = messageField(8, [textField(1, ''), integerField(2, OPSET_VERSION)])
  const bytes = concatBytes([integerField(1, IR_VERSION), textField(2, 'hourglass'), graph, opset])
  return { bytes, input, output, ...(isScore && { verdict }) }
}

const VERDICT = 'verdict'

function checkScore(network: Network, { threshold }: OnnxOptions): void {
  if (!isAutoencoder(network)) throw new UsageError('score: expected an autoencoder, found a classifier')
  if (threshold === undefined || !(threshold >= 0)) {
    throw new UsageError(`threshold: expected a number of at least 0, found ${threshold ?? 'none'}`)
  }
}

/** A piece of the graph beside the layers. */
interface Piece {
  /** Name of what goes in, and of what comes out, where it is not the graph's own. */
  readonly input?: string
  readonly output?: string
  readonly nodes: readonly Uint8Array[]
  readonly initializers: readonly Uint8Array[]
}

const PASSED_BY: Piece = { nodes: [], initializers: [] }

/** Empty cells filled, and scaled. */
function rawToNetwork({ features, scaling }: Preprocessing, input: string): Piece {
  const nodes: Uint8Array[] = []
  const initializers: Uint8Array[] = []
  let output = input
  const fills = features && inputFills(features)
  if (fills) {
    initializers.push(initializer('fill.value', [1, fills.length], Float32Array.from(fills)))
    nodes.push(
      node('IsNaN', 'fill.isEmpty', [input], 'fill.isEmpty', []),
      node('Where', 'fill', ['fill.isEmpty', 'fill.value', input], 'fill.row', []),
    )
    output = 'fill.row'
  }
  if (scaling) {
    const { shift, factor } = scaling
    initializers.push(
      initializer('scale.shift', [1, shift.length], Float64Array.from(shift)),
      initializer('scale.factor', [1, factor.length], Float64Array.from(factor)),
    )
    nodes.push(
      castNode(output, 'scale.double', DOUBLE),
      node('Sub', 'scale.shifted', ['scale.double', 'scale.shift'], 'scale.shifted', []),
      node('Mul', 'scale.scaled', ['scale.shifted', 'scale.factor'], 'scale.scaled', []),
      castNode('scale.scaled', 'scale.row', FLOAT),
    )
    output = 'scale.row'
  }
  return { output, nodes, initializers }
}

/** Scaled back; an input that was constant is that constant. */
function networkToRaw({ scaling }: Preprocessing, output: string): Piece {
  if (scaling === undefined) return PASSED_BY
  const { shift, factor } = scaling
  const spread = factor.map((value) => (value === 0 ? 0 : 1 / value))
  return {
    input: 'unscale.row',
    nodes: [
      castNode('unscale.row', 'unscale.double', DOUBLE),
      node('Mul', 'unscale.spread', ['unscale.double', 'unscale.factor'], 'unscale.spread', []),
      node('Add', 'unscale.raw', ['unscale.spread', 'unscale.shift'], 'unscale.raw', []),
      castNode('unscale.raw', output, FLOAT),
    ],
    initializers: [
      initializer('unscale.factor', [1, spread.length], Float64Array.from(spread)),
      initializer('unscale.shift', [1, shift.length], Float64Array.from(shift)),
    ],
  }
}

/** The mean square of what is left of a row, and whether it is above the threshold. */
function scoreOf(row: string, error: string, threshold: number, scaling: Scaling | undefined): Piece {
  const unseen = unseenSquares('score.square', scaling)
  const axes = messageField(5, [textField(1, 'axes'), integerField(8, 1), integerField(20, INTS_ATTRIBUTE)])
  const keep = messageField(5, [
    textField(1, 'keepdims'),
    integerField(3, 0),
    integerField(20, INT_ATTRIBUTE),
  ])
  return {
    input: 'score.reconstruction',
    nodes: [
      node('Sub', 'score.difference', ['score.reconstruction', row], 'score.difference', []),
      node('Mul', 'score.square', ['score.difference', 'score.difference'], 'score.square', []),
      ...unseen.nodes,
      node('ReduceMean', 'score.mean', [unseen.output ?? 'score.square'], error, [axes, keep]),
      node('Greater', 'score.verdict', [error, 'score.threshold'], VERDICT, []),
    ],
    initializers: [initializer('score.threshold', [], Float32Array.of(threshold)), ...unseen.initializers],
  }
}

/** Squares (batch, inputs) with what values add that a constant column did not have in training. */
function unseenSquares(squares: string, scaling: Scaling | undefined): Piece {
  const unseen = scaling && unseenOf(scaling)
  if (!unseen) return PASSED_BY
  const shape = [1, unseen.squares.length]
  return {
    output: 'unseen.squares',
    nodes: [
      node('Abs', 'unseen.distance', ['scale.shifted'], 'unseen.distance', []),
      node('Greater', 'unseen.is', ['unseen.distance', 'unseen.tolerance'], 'unseen.is', []),
      castNode('unseen.is', 'unseen.float', FLOAT),
      node('Mul', 'unseen.square', ['unseen.float', 'unseen.weight'], 'unseen.square', []),
      node('Add', 'unseen.squares', [squares, 'unseen.square'], 'unseen.squares', []),
    ],
    initializers: [
      initializer('unseen.tolerance', shape, unseen.tolerances),
      initializer('unseen.weight', shape, unseen.squares),
    ],
  }
}

function castNode(input: string, output: string, type: number): Uint8Array {
  const to = messageField(5, [textField(1, 'to'), integerField(3, type), integerField(20, INT_ATTRIBUTE)])
  return node('Cast', output, [input], output, [to])
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
function initializer(name: string, shape: readonly number[], data: FloatArray): Uint8Array {
  const dims = shape.map((size) => integerField(1, size))
  return messageField(5, [
    ...dims,
    integerField(2, data instanceof Float64Array ? DOUBLE : FLOAT),
    textField(8, name),
    messageField(9, [tensorBytes(data)]),
  ])
}

/** Fields of a ValueInfoProto: a tensor of shape (batch, size), or of rank 1 (batch). */
function valueInfo({ name, size }: OnnxPort, type = FLOAT, rank: 1 | 2 = 2): Uint8Array[] {
  const batch = messageField(1, [textField(2, 'batch')])
  const columns = rank === 2 ? [messageField(1, [integerField(1, size)])] : []
  const tensorType = messageField(1, [integerField(1, type), messageField(2, [batch, ...columns])])
  return [textField(1, name), messageField(2, [tensorType])]
}
