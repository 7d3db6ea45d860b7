/**
 * The compute passes of one network: which there are, what each is made of, and over how many workgroups it
 * runs. Sizes are compiled in. All passes have the same bindings, so a step binds its buffers once.
 */
import type { Activation, Loss, Network } from '../../model/network.ts'
import { isAutoencoder } from '../../model/network.ts'
import type { GpuDevice } from './device.ts'
import type { BatchMatrix, Layout } from './layout.ts'
import { QUAD } from './layout.ts'
import type { Groups, Pass } from './pass.ts'
import { Pipelines } from './pipelines.ts'
import {
  baseOf,
  batchOperand,
  flopsOf,
  type Kernel,
  kernelFor,
  kernelPieces,
  type Operand,
  type Product,
  productPieces,
  ROWS,
  type RowKind,
  rowsPiece,
  TILE_SIZES,
  tilesOf,
  weightOperand,
} from './products.ts'
import type { Piece, ShaderSources, Values } from './shaders.ts'
import { type Split, WeightPasses } from './weight-passes.ts'

/** As in shaders/activation.wgsl. A softmax layer leaves its logits, which the passes after it take. */
const ACTIVATION_CODES: Readonly<Record<Activation, number>> = {
  identity: 0,
  relu: 1,
  sigmoid: 2,
  tanh: 3,
  softmax: 0,
}

/** As in shaders/loss.wgsl. */
const LOSS_CODES: Readonly<Record<Exclude<Loss, 'crossEntropy'>, number>> = { mse: 0, bce: 1 }

/** A layer of so few units is computed in one pass with the one behind it. */
const NARROW = 32
/** Rows that a workgroup of such a pass takes: CHAIN_ROWS of shaders/chain.wgsl. */
const CHAIN_ROWS = 4
/** Threads of a workgroup of the passes that take one row a thread. */
const ROW_THREADS = 64
/** Side of the square of threads in noise.wgsl. */
const NOISE_SIDE = 16

/** For tests: what is chosen by the adapter and the sizes otherwise. */
export interface PassOptions {
  /** Of every product. */
  readonly kernel?: Kernel | undefined
  /** Whether narrow layers are computed in one pass with the ones behind them. */
  readonly chains?: boolean | undefined
}

export interface TrainingPasses {
  /** In the order in which they run. */
  readonly passes: readonly Pass[]
  /** Parts that the loss of so many rows is left in. */
  readonly lossParts: (rows: number) => number
  readonly split: Split
  /** First quad of the slabs that is trained. */
  readonly firstTrained: number
}

export interface TrainingKind {
  readonly kind: RowKind
  readonly batchSize: number
  readonly isNoisy: boolean
  readonly frozenLayers: number
}

/** What inference is asked for: the output of a layer, or a loss of each row from the last layer's logits. */
export type Wanted = 'outputs' | 'losses' | 'squaredErrors'

/** @param after what follows the last value of a row of the narrow matrix */
function chainPiece(from: BatchMatrix, middle: BatchMatrix, to: BatchMatrix, after: string): Piece {
  return [
    'chain',
    {
      JOB,
      IN_BASE: baseOf(from, 'row'),
      IN_QUADS: from.quads,
      MIDDLE: middle.width,
      MIDDLE_BASE: baseOf(middle, 'row'),
      AFTER: after,
      OUT_QUADS: to.quads,
    },
  ]
}

function chainGroups(rows: number): Groups {
  return [Math.ceil(rows / CHAIN_ROWS), 1, 1]
}

/** Of the products that are not merged with others. */
const JOB = '_0'

/** Makes passes as they are asked for. */
export class Passes {
  readonly bindings: GPUBindGroupLayout
  readonly #network: Network
  readonly #layout: Layout
  readonly #kernel: Kernel | undefined
  readonly #chains: boolean
  readonly #pipelines: Pipelines
  readonly #weights: WeightPasses
  readonly #training = new Map<string, Promise<TrainingPasses>>()

  constructor(
    gpu: GpuDevice,
    sources: ShaderSources,
    network: Network,
    layout: Layout,
    { kernel = gpu.isSoftware ? 'direct' : undefined, chains = kernel !== 'direct' }: PassOptions = {},
  ) {
    this.#network = network
    this.#layout = layout
    this.#kernel = kernel
    this.#chains = chains
    this.#pipelines = new Pipelines(gpu, sources)
    this.bindings = this.#pipelines.bindings
    const { maxComputeWorkgroupsPerDimension: most } = gpu.device.limits
    this.#weights = new WeightPasses(this.#pipelines, network, layout, kernel, most)
  }

  /** Every pass of a training step, put together once: their texts alone take as long as some steps. */
  training(training: TrainingKind): Promise<TrainingPasses> {
    const key = JSON.stringify(training)
    const made = this.#training.get(key) ?? this.#trainingOf(training)
    this.#training.set(key, made)
    return made
  }

  async #trainingOf({ kind, batchSize, isNoisy, frozenLayers }: TrainingKind): Promise<TrainingPasses> {
    const { layers } = this.#network
    const last = layers.length - 1
    const inputs = isNoisy ? batchOperand(this.#layout.inputs) : ROWS
    const passes: Promise<Pass>[] = []
    if (isNoisy) passes.push(this.#noise(kind))

    let lossParts = (rows: number) => rows
    for (let l = 0; l <= last; l++) {
      if (this.#isChain(l)) {
        passes.push(this.#chainForward(l))
        l++
      } else if (l < last || !isAutoencoder(this.#network)) {
        passes.push(this.#forward(l, kind, l === 0 ? inputs : undefined, batchSize))
      } else {
        const output = this.#forwardLoss(kind, l === 0 ? inputs : undefined, batchSize)
        passes.push(output.pass)
        lossParts = output.lossParts
      }
    }
    if (!isAutoencoder(this.#network)) passes.push(this.#byRow('output-cross-entropy', last))

    for (let l = last; l > frozenLayers; l--) {
      if (this.#isChain(l - 1)) {
        passes.push(this.#chainBackward(l - 1))
        l--
      } else {
        passes.push(this.#inputGradient(l, batchSize))
      }
    }
    const weights = this.#weights.gradients(kind, inputs, batchSize, frozenLayers)
    passes.push(...weights.passes)
    if (weights.split.parts > 1) passes.push(this.#weights.applySplit(frozenLayers))
    return {
      passes: await Promise.all(passes),
      lossParts,
      split: weights.split,
      firstTrained: this.#weights.firstTrained(frozenLayers),
    }
  }

  /** The passes from rows, which are the inputs of layer `first`, to what is wanted of layer `final`. */
  async inference(
    kind: RowKind,
    first: number,
    final: number,
    wanted: Wanted,
    rows: number,
  ): Promise<readonly Pass[]> {
    const passes: Promise<Pass>[] = []
    for (let l = first; l <= final; l++) {
      const isLogits = l === final && wanted !== 'outputs'
      const inputs = l === first ? ROWS : undefined
      passes.push(this.#forward(l, kind, inputs, rows, isLogits ? 'identity' : undefined))
    }
    const isSoftmax = this.#network.layers[final].activation === 'softmax'
    if (wanted !== 'outputs') passes.push(this.#rowLoss(kind, final, wanted))
    else if (isSoftmax) passes.push(this.#byRow('output-softmax', final))
    return Promise.all(passes)
  }

  /**
   * Whether layers `l` and `l + 1` are one pass: `l` is narrow, and neither takes part in the rows or the
   * loss.
   */
  #isChain(l: number): boolean {
    const { layers } = this.#network
    if (!this.#chains) return false
    return l > 0 && l + 1 < layers.length - 1 && layers[l].outputs <= NARROW
  }

  #activation(l: number): number {
    return ACTIVATION_CODES[this.#network.layers[l].activation]
  }

  #noise(kind: RowKind): Promise<Pass> {
    const { inputs } = this.#layout
    const first = this.#network.layers[0]
    const pieces: Piece[] = [
      rowsPiece(kind, first),
      ['random'],
      ['noise', { OUT_BASE: baseOf(inputs, 'row') }],
    ]
    const groups = (rows: number): Groups => [
      Math.ceil(inputs.quads / NOISE_SIDE),
      Math.ceil(rows / NOISE_SIDE),
      1,
    ]
    return this.#pipelines.compile('noise', pieces, groups, 0)
  }

  /** A product with a row of the result for each row of the batch. */
  #rowProduct(
    name: string,
    before: readonly Piece[],
    product: Omit<Product, 'rows' | 'isADepthFirst'>,
    finish: Piece,
    main: 'main-rows' | 'main-loss',
    terms: number,
    batchSize: number,
    flops: number,
  ): { pass: Promise<Pass>; tiles: (rows: number) => number } {
    const kernel = kernelFor(this.#kernel, (size) => tilesOf(size, batchSize, product.columns))
    const tile = TILE_SIZES[kernel]
    const pieces: Piece[] = [
      ...before,
      ...kernelPieces(kernel),
      finish,
      ...productPieces(kernel, JOB, { ...product, isADepthFirst: true, rows: 'step.rows' }),
      [main, { JOB, TERMS: terms }],
    ]
    const columns = Math.ceil(product.columns / tile)
    const pass = this.#pipelines.compile(name, pieces, (rows) => [columns, Math.ceil(rows / tile), 1], flops)
    return { pass, tiles: (rows) => columns * Math.ceil(rows / tile) }
  }

  /** y = f(x Wᵀ + b). @param activation default: the layer's own */
  #forward(
    l: number,
    kind: RowKind,
    inputs: Operand | undefined,
    batchSize: number,
    activation: Activation = this.#network.layers[l].activation,
  ): Promise<Pass> {
    const { outputs, weights } = this.#layout
    const layer = this.#network.layers[l]
    const output = outputs[l]
    const finish: Values = {
      JOB,
      OUT_BASE: baseOf(output, 'row'),
      OUTPUTS: output.width,
      ACTIVATION: ACTIVATION_CODES[activation],
    }
    return this.#rowProduct(
      `forward ${layer.name}`,
      [...(inputs === ROWS ? [rowsPiece(kind, layer)] : []), ['activation']],
      {
        a: inputs ?? batchOperand(outputs[l - 1]),
        b: weightOperand(weights[l]),
        isBDepthFirst: true,
        columns: output.width,
        columnQuads: output.quads,
      },
      ['finish-activation', finish],
      'main-rows',
      QUAD * weights[l].quads,
      batchSize,
      flopsOf(layer),
    ).pass
  }

  /**
   * The last layer of an autoencoder: its product, the loss, and the gradient by the argument of its
   * activation.
   */
  #forwardLoss(kind: RowKind, inputs: Operand | undefined, batchSize: number) {
    const { outputs, weights } = this.#layout
    const { layers, loss } = this.#network
    const l = layers.length - 1
    const finish: Values = {
      JOB,
      OUT_BASE: baseOf(outputs[l], 'row'),
      OUTPUTS: outputs[l].width,
      ACTIVATION: this.#activation(l),
      LOSS: LOSS_CODES[loss as keyof typeof LOSS_CODES],
    }
    const { pass, tiles } = this.#rowProduct(
      `forward ${layers[l].name} and loss`,
      [rowsPiece(kind, layers[0]), ['activation'], ['loss']],
      {
        a: inputs ?? batchOperand(outputs[l - 1]),
        b: weightOperand(weights[l]),
        isBDepthFirst: true,
        columns: outputs[l].width,
        columnQuads: outputs[l].quads,
      },
      ['finish-loss', finish],
      'main-loss',
      QUAD * weights[l].quads,
      batchSize,
      flopsOf(layers[l]),
    )
    return { pass, lossParts: tiles }
  }

  /** The gradient by the argument of the activation before layer `l`: dx = (dz W) ⊙ f'(x). */
  #inputGradient(l: number, batchSize: number): Promise<Pass> {
    const { gradients, weights } = this.#layout
    const result = gradients[l - 1]
    const layer = this.#network.layers[l]
    return this.#rowProduct(
      `input gradient ${layer.name}`,
      [['activation']],
      {
        a: batchOperand(gradients[l]),
        b: weightOperand(weights[l]),
        isBDepthFirst: false,
        columns: result.width,
        columnQuads: result.quads,
      },
      this.#finishGradient(l - 1),
      'main-rows',
      gradients[l].width,
      batchSize,
      flopsOf(layer),
    ).pass
  }

  /** What becomes of a gradient by the output of layer `l`. */
  #finishGradient(l: number): Piece {
    const { outputs, gradients } = this.#layout
    return [
      'finish-gradient',
      {
        JOB,
        Y_BASE: baseOf(outputs[l], 'row'),
        OUT_BASE: baseOf(gradients[l], 'row'),
        ACTIVATION: this.#activation(l),
        WIDTH: gradients[l].width,
      },
    ]
  }

  /** Layers `l` and `l + 1`: from the output of `l - 1` to that of `l + 1`. */
  #chainForward(l: number): Promise<Pass> {
    const { outputs, weights } = this.#layout
    const { layers } = this.#network
    const [x, middle, out] = [outputs[l - 1], outputs[l], outputs[l + 1]]
    const finish: Values = {
      JOB,
      OUT_BASE: baseOf(out, 'row'),
      OUTPUTS: out.width,
      ACTIVATION: this.#activation(l + 1),
    }
    const pieces: Piece[] = [
      ['activation'],
      ['finish-activation', finish],
      [
        'chain-forward',
        {
          IN_QUADS: x.quads,
          FIRST_WEIGHT_AT: weights[l].at,
          SECOND_WEIGHT_AT: weights[l + 1].at,
          MIDDLE_ACTIVATION: this.#activation(l),
          OUTPUTS: out.width,
        },
      ],
      chainPiece(x, middle, out, '1.0'),
    ]
    const name = `forward ${layers[l].name} and ${layers[l + 1].name}`
    return this.#pipelines.compile(name, pieces, chainGroups, flopsOf(layers[l]) + flopsOf(layers[l + 1]))
  }

  /** From the gradient of layer `l + 1` to those of `l` and `l - 1`. */
  #chainBackward(l: number): Promise<Pass> {
    const { outputs, gradients, weights } = this.#layout
    const { layers } = this.#network
    const [dz, middle, out] = [gradients[l + 1], gradients[l], gradients[l - 1]]
    const pieces: Piece[] = [
      ['activation'],
      this.#finishGradient(l - 1),
      [
        'chain-backward',
        {
          IN_WIDTH: dz.width,
          FIRST_WEIGHT_AT: weights[l].at,
          SECOND_WEIGHT_AT: weights[l + 1].at,
          Y_MIDDLE_BASE: baseOf(outputs[l], 'row'),
          MIDDLE_ACTIVATION: this.#activation(l),
          OUT_QUADS: out.quads,
        },
      ],
      chainPiece(dz, middle, out, '0.0'),
    ]
    const name = `input gradient ${layers[l + 1].name} and ${layers[l].name}`
    return this.#pipelines.compile(name, pieces, chainGroups, flopsOf(layers[l]) + flopsOf(layers[l + 1]))
  }

  /** A pass with a thread for each row of the logits of the last layer. */
  #byRow(name: 'output-cross-entropy' | 'output-softmax' | 'row-cross-entropy', l: number): Promise<Pass> {
    const output = this.#layout.outputs[l]
    const pieces: Piece[] = [
      ['softmax', { CLASSES: output.width }],
      [name, { Z_BASE: baseOf(output, 'row') }],
    ]
    return this.#pipelines.compile(
      name.replaceAll('-', ' '),
      pieces,
      (rows) => [Math.ceil(rows / ROW_THREADS), 1, 1],
      0,
    )
  }

  #rowLoss(kind: RowKind, l: number, wanted: 'losses' | 'squaredErrors'): Promise<Pass> {
    const { layers, loss } = this.#network
    if (loss === 'crossEntropy') return this.#byRow('row-cross-entropy', l)
    const output = this.#layout.outputs[l]
    const values: Values = {
      Z_BASE: baseOf(output, 'row'),
      OUT_QUADS: output.quads,
      OUTPUTS: output.width,
      LOSS: LOSS_CODES[wanted === 'losses' ? loss : 'mse'],
      ACTIVATION: this.#activation(l),
    }
    const pieces: Piece[] = [rowsPiece(kind, layers[0]), ['activation'], ['loss'], ['row-loss', values]]
    return this.#pipelines.compile('losses of the rows', pieces, (rows) => [rows, 1, 1], 0)
  }
}
