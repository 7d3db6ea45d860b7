/**
 * The compute passes of one network: which there are, what each is made of, and over how many workgroups it
 * runs. Sizes are compiled in. All passes have the same bindings, so a step binds its buffers once.
 */
import { DeviceError } from '../../errors.ts'
import { BETA_1, BETA_2, EPSILON } from '../../model/adam.ts'
import type { Activation, Loss, Network } from '../../model/network.ts'
import { isAutoencoder } from '../../model/network.ts'
import type { GpuDevice } from './device.ts'
import type { BatchMatrix, Layout, WeightMatrix } from './layout.ts'
import { QUAD } from './layout.ts'
import type { Piece, ShaderSources, Values } from './shaders.ts'
import { moduleSource } from './shaders.ts'

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

/**
 * Storage bindings in order, from binding 1, as in shaders/step.wgsl; binding 0 is the step. `w`: read and
 * written.
 */
const BINDINGS = 'rrrwwwww'

/**
 * How products are computed: by workgroups that share tiles of so many rows and columns, the larger where
 * that makes enough of them; or, for software adapters, by threads on their own.
 */
export type Kernel = 'tiled64' | 'tiled32' | 'direct'
const TILE_SIZES: Readonly<Record<Kernel, number>> = { tiled64: 64, tiled32: 32, direct: 32 }
/**
 * Slices of a workgroup, as in shaders/tiled.wgsl: the quickest of those tried on an H200
 * (results/webgpu.md).
 */
const SLICES = { tiled64: 2, tiled32: 4 } as const
/** Workgroups that keep a large GPU busy: with fewer, tiles are made smaller, or sums are split. */
const ENOUGH_WORKGROUPS = 200
/** Fewest rows of a part of a split sum: below, adding the parts up costs more than it saves. */
const LEAST_SPLIT_ROWS = 256
/** A layer of so few units is computed in one pass with the one behind it. */
const NARROW = 32
/** Rows that a workgroup of such a pass takes: CHAIN_ROWS of shaders/chain.wgsl. */
const CHAIN_ROWS = 4
/** Threads of a workgroup of the passes that take one row, or one quad of parameters, a thread. */
const ROW_THREADS = 64
/** Rows times terms of an operand that a workgroup of tiles holds, as in shaders/tiled.wgsl. */
const DEPTH_VALUES = 2048
/** Side of the square of threads in noise.wgsl. */
const NOISE_SIDE = 16

/** For tests: what is chosen by the adapter and the sizes otherwise. */
export interface PassOptions {
  /** Of every product. */
  readonly kernel?: Kernel | undefined
  /** Whether narrow layers are computed in one pass with the ones behind them. */
  readonly chains?: boolean | undefined
}

export type RowKind = 'bytes' | 'floats'

export type Groups = readonly [x: number, y: number, z: number]

export interface Pass {
  /** What it does, for people. */
  readonly name: string
  readonly pipeline: GPUComputePipeline
  /** Workgroups for a batch of so many rows. */
  readonly groups: (rows: number) => Groups
  /** Floating-point operations of its products a row; 0 where it has none. */
  readonly rowFlops: number
}

/** How the sums over rows of a batch are split. */
export interface Split {
  readonly parts: number
  readonly rows: number
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

/** An operand of a product: WGSL for the first quad of its row `i`, and for a quad from there on. */
interface Operand {
  readonly base: string
  readonly quad: string
}

const ROWS: Operand = { base: 'rowsBase(i)', quad: 'rowsQuad(base, quad)' }

function baseOf({ before, quads }: BatchMatrix, row: string): string {
  return `(step.capacity * ${before}u + ${row} * ${quads}u)`
}

function batchOperand(matrix: BatchMatrix): Operand {
  return { base: baseOf(matrix, 'i'), quad: 'scratch[base + quad]' }
}

function weightOperand({ at, quads }: WeightMatrix): Operand {
  return { base: `(${at}u + i * ${quads}u)`, quad: 'parameters[base + quad]' }
}

interface Product {
  readonly a: Operand
  readonly isADepthFirst: boolean
  readonly b: Operand
  readonly isBDepthFirst: boolean
  /** WGSL for the rows of the result. */
  readonly rows: string
  readonly columns: number
  readonly columnQuads: number
}

function productPieces(kernel: Kernel, job: string, operandsOf: Product): Piece[] {
  const { a, b, isADepthFirst, isBDepthFirst, rows, columns, columnQuads } = operandsOf
  const operands: Values = {
    JOB: job,
    A_BASE: a.base,
    A_QUAD: a.quad,
    A_DEPTH_FIRST: isADepthFirst,
    B_BASE: b.base,
    B_QUAD: b.quad,
    B_DEPTH_FIRST: isBDepthFirst,
    ROWS: rows,
    COLUMNS: columns,
    COLUMN_QUADS: columnQuads,
  }
  const product: Piece = [kernel === 'direct' ? 'product-direct' : 'product-tiled', { JOB: job, ROWS: rows }]
  return [['operands', operands], product]
}

function kernelPieces(kernel: Kernel): Piece[] {
  if (kernel === 'direct') return [['direct']]
  const tile: Values = { TILE: TILE_SIZES[kernel], SLICES: SLICES[kernel], DEPTH_VALUES }
  return [['tiled', tile], [kernel === 'tiled64' ? 'sums-64' : 'sums-32']]
}

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

const ADAM: Piece = [
  'adam',
  {
    BETA_1,
    BETA_2,
    ONE_MINUS_BETA_1: 1 - BETA_1,
    ONE_MINUS_BETA_2: 1 - BETA_2,
    EPSILON,
  },
]

/** The pass of all layers' weights. */
const WEIGHTS = 'weight gradients and Adam'

/** Of the products that are not merged with others. */
const JOB = '_0'

function tilesOf(tile: number, rows: number, columns: number): number {
  return Math.ceil(rows / tile) * Math.ceil(columns / tile)
}

/** Compiles passes as they are asked for, each once. */
export class Passes {
  readonly bindings: GPUBindGroupLayout
  readonly #gpu: GpuDevice
  readonly #sources: ShaderSources
  readonly #network: Network
  readonly #layout: Layout
  readonly #kernel: Kernel | undefined
  readonly #chains: boolean
  readonly #pipelineLayout: GPUPipelineLayout
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>()

  constructor(
    gpu: GpuDevice,
    sources: ShaderSources,
    network: Network,
    layout: Layout,
    { kernel = gpu.isSoftware ? 'direct' : undefined, chains = kernel !== 'direct' }: PassOptions = {},
  ) {
    this.#gpu = gpu
    this.#sources = sources
    this.#network = network
    this.#layout = layout
    this.#kernel = kernel
    this.#chains = chains
    const visibility = GPUShaderStage.COMPUTE
    const storage = Array.from(BINDINGS, (use, i): GPUBindGroupLayoutEntry => {
      return { binding: i + 1, visibility, buffer: { type: use === 'w' ? 'storage' : 'read-only-storage' } }
    })
    const step: GPUBindGroupLayoutEntry = { binding: 0, visibility, buffer: { hasDynamicOffset: true } }
    this.bindings = gpu.device.createBindGroupLayout({ entries: [step, ...storage] })
    this.#pipelineLayout = gpu.device.createPipelineLayout({ bindGroupLayouts: [this.bindings] })
  }

  /** Every pass of a training step. */
  async training(training: TrainingKind): Promise<TrainingPasses> {
    const { kind, batchSize, isNoisy, frozenLayers } = training
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
    const weights = this.#weightGradients(kind, inputs, batchSize, frozenLayers)
    passes.push(...weights.passes)
    if (weights.split.parts > 1) passes.push(this.#applySplit(frozenLayers))
    return {
      passes: await Promise.all(passes),
      lossParts,
      split: weights.split,
      firstTrained: this.#firstTrained(frozenLayers),
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

  #firstTrained(frozenLayers: number): number {
    return this.#layout.weights[frozenLayers]?.at ?? this.#layout.slabQuads
  }

  #rows(kind: RowKind, first = 0): Piece {
    return [`rows-${kind}`, { INPUTS: this.#network.layers[first].inputs }]
  }

  async #compile(
    name: string,
    pieces: readonly Piece[],
    groups: Pass['groups'],
    rowFlops: number,
  ): Promise<Pass> {
    const code = moduleSource(this.#sources, [['step'], ...pieces])
    let pipeline = this.#pipelines.get(code)
    if (!pipeline) {
      const { device } = this.#gpu
      const module = device.createShaderModule({ label: name, code })
      pipeline = this.#gpu.settle(
        device.createComputePipelineAsync({ label: name, layout: this.#pipelineLayout, compute: { module } }),
      )
      this.#pipelines.set(code, pipeline)
    }
    return { name, pipeline: await pipeline, groups, rowFlops }
  }

  /** @param workgroups how many there are with tiles of so many rows and columns */
  #kernelFor(workgroups: (tile: number) => number): Kernel {
    if (this.#kernel) return this.#kernel
    return workgroups(TILE_SIZES.tiled64) >= ENOUGH_WORKGROUPS ? 'tiled64' : 'tiled32'
  }

  /** Multiplications and additions of a layer's product, a row. */
  #flops(l: number): number {
    const { inputs, outputs } = this.#network.layers[l]
    return 2 * inputs * outputs
  }

  #activation(l: number): number {
    return ACTIVATION_CODES[this.#network.layers[l].activation]
  }

  #noise(kind: RowKind): Promise<Pass> {
    const { inputs } = this.#layout
    const pieces: Piece[] = [this.#rows(kind), ['random'], ['noise', { OUT_BASE: baseOf(inputs, 'row') }]]
    const groups = (rows: number): Groups => [
      Math.ceil(inputs.quads / NOISE_SIDE),
      Math.ceil(rows / NOISE_SIDE),
      1,
    ]
    return this.#compile('noise', pieces, groups, 0)
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
    const kernel = this.#kernelFor((size) => tilesOf(size, batchSize, product.columns))
    const tile = TILE_SIZES[kernel]
    const pieces: Piece[] = [
      ...before,
      ...kernelPieces(kernel),
      finish,
      ...productPieces(kernel, JOB, { ...product, isADepthFirst: true, rows: 'step.rows' }),
      [main, { JOB, TERMS: terms }],
    ]
    const columns = Math.ceil(product.columns / tile)
    const pass = this.#compile(name, pieces, (rows) => [columns, Math.ceil(rows / tile), 1], flops)
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
    const { name } = this.#network.layers[l]
    const output = outputs[l]
    const finish: Values = {
      JOB,
      OUT_BASE: baseOf(output, 'row'),
      OUTPUTS: output.width,
      ACTIVATION: ACTIVATION_CODES[activation],
    }
    return this.#rowProduct(
      `forward ${name}`,
      [...(inputs === ROWS ? [this.#rows(kind, l)] : []), ['activation']],
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
      this.#flops(l),
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
      [this.#rows(kind), ['activation'], ['loss']],
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
      this.#flops(l),
    )
    return { pass, lossParts: tiles }
  }

  /** The gradient by the argument of the activation before layer `l`: dx = (dz W) ⊙ f'(x). */
  #inputGradient(l: number, batchSize: number): Promise<Pass> {
    const { gradients, weights } = this.#layout
    const result = gradients[l - 1]
    return this.#rowProduct(
      `input gradient ${this.#network.layers[l].name}`,
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
      this.#flops(l),
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
    return this.#compile(name, pieces, chainGroups, this.#flops(l) + this.#flops(l + 1))
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
    return this.#compile(name, pieces, chainGroups, this.#flops(l) + this.#flops(l + 1))
  }

  /**
   * dW = dzᵀ x of the layers that are trained, with Adam, and the sum of the loss: in one pass, or in one a
   * layer on software adapters, where compiling them together takes seconds.
   */
  #weightGradients(kind: RowKind, inputs: Operand, batchSize: number, frozenLayers: number) {
    const { weights } = this.#layout
    const { layers } = this.#network
    const trained = layers.map((_, l) => l).filter((l) => l >= frozenLayers)
    const total = (tile: number) =>
      trained.reduce((sum, l) => sum + tilesOf(tile, weights[l].rows, layers[l].inputs + 1), 0)
    const mostParts = trained.length > 0 ? Math.max(1, Math.floor(batchSize / LEAST_SPLIT_ROWS)) : 1
    const kernel = this.#kernelFor((size) => total(size) * mostParts)
    const tile = TILE_SIZES[kernel]
    const parts = Math.min(mostParts, Math.ceil(ENOUGH_WORKGROUPS / Math.max(1, total(tile))))
    const depth = DEPTH_VALUES / tile
    const split: Split = {
      parts,
      rows: parts === 1 ? batchSize : depth * Math.ceil(batchSize / parts / depth),
    }
    const groups = kernel === 'direct' && trained.length > 0 ? trained.map((l) => [l]) : [trained]
    const passes = groups.map((group, i) => this.#weightGradient(kernel, kind, inputs, group, i === 0, parts))
    return { passes, split }
  }

  #weightGradient(
    kernel: Kernel,
    kind: RowKind,
    inputs: Operand,
    group: readonly number[],
    hasLoss: boolean,
    parts: number,
  ): Promise<Pass> {
    const { outputs, gradients, weights, slabQuads } = this.#layout
    const { layers } = this.#network
    const tile = TILE_SIZES[kernel]
    const pieces: Piece[] = [ADAM, ...kernelPieces(kernel)]
    if (inputs === ROWS && group.includes(0)) pieces.unshift(this.#rows(kind))
    let workgroups = hasLoss ? 1 : 0
    const jobs: string[] = []
    for (const l of group) {
      const job = `_${l}`
      const { at, rows, quads } = weights[l]
      const columns = layers[l].inputs + 1
      const x = l === 0 ? inputs : batchOperand(outputs[l - 1])
      pieces.push(
        ...productPieces(kernel, job, {
          a: batchOperand(gradients[l]),
          isADepthFirst: false,
          b: x,
          isBDepthFirst: false,
          rows: `${rows}u`,
          columns,
          columnQuads: quads,
        }),
        ['finish-adam', { JOB: job, WEIGHT_AT: at, COLUMN_QUADS: quads }],
      )
      const across = Math.ceil(columns / tile)
      const tiles = tilesOf(tile, rows, columns)
      jobs.push(
        `  if (job < ${tiles}u) {`,
        `    product${job}(job / ${across}u, job % ${across}u, begin, end, thread);`,
        '    return;',
        '  }',
        `  job -= ${tiles}u;`,
      )
      workgroups += tiles
    }
    pieces.push(['main-weights', { SLAB_QUADS: slabQuads, HAS_LOSS: hasLoss, JOBS: jobs.join('\n') }])
    const [x, y] = this.#spread(workgroups)
    const flops = group.reduce((sum, l) => sum + this.#flops(l), 0)
    const name = group.length === 1 ? `weight gradient and Adam ${layers[group[0]].name}` : WEIGHTS
    return this.#compile(name, pieces, () => [x, y, parts], flops)
  }

  #applySplit(frozenLayers: number): Promise<Pass> {
    const { slabQuads } = this.#layout
    const [x, y] = this.#spread(Math.ceil((slabQuads - this.#firstTrained(frozenLayers)) / ROW_THREADS))
    const pieces: Piece[] = [ADAM, ['apply-split', { SLAB_QUADS: slabQuads, THREADS: ROW_THREADS }]]
    return this.#compile('Adam on split sums', pieces, () => [x, y, 1], 0)
  }

  /** More workgroups than one dimension has, over two. Some at the end may have nothing to do. */
  #spread(groups: number): readonly [number, number] {
    const most = this.#gpu.device.limits.maxComputeWorkgroupsPerDimension
    const y = Math.ceil(groups / most)
    return [Math.ceil(groups / y), y]
  }

  /** A pass with a thread for each row of the logits of the last layer. */
  #byRow(name: 'output-cross-entropy' | 'output-softmax' | 'row-cross-entropy', l: number): Promise<Pass> {
    const output = this.#layout.outputs[l]
    const pieces: Piece[] = [
      ['softmax', { CLASSES: output.width }],
      [name, { Z_BASE: baseOf(output, 'row') }],
    ]
    return this.#compile(
      name.replaceAll('-', ' '),
      pieces,
      (rows) => [Math.ceil(rows / ROW_THREADS), 1, 1],
      0,
    )
  }

  #rowLoss(kind: RowKind, l: number, wanted: 'losses' | 'squaredErrors'): Promise<Pass> {
    const { loss } = this.#network
    if (loss === 'crossEntropy') return this.#byRow('row-cross-entropy', l)
    const output = this.#layout.outputs[l]
    const values: Values = {
      Z_BASE: baseOf(output, 'row'),
      OUT_QUADS: output.quads,
      OUTPUTS: output.width,
      LOSS: LOSS_CODES[wanted === 'losses' ? loss : 'mse'],
      ACTIVATION: this.#activation(l),
    }
    const pieces: Piece[] = [this.#rows(kind), ['activation'], ['loss'], ['row-loss', values]]
    return this.#compile('losses of the rows', pieces, (rows) => [rows, 1, 1], 0)
  }
}

/** Records one pass over `rows` rows. Throws a DeviceError where that is more than the adapter dispatches. */
export function encodePass(
  encoder: GPUComputePassEncoder,
  { name, pipeline, groups }: Pass,
  rows: number,
  maxWorkgroups: number,
): void {
  const [x, y, z] = groups(rows)
  const most = Math.max(x, y, z)
  if (most > maxWorkgroups) {
    throw new DeviceError(
      `WebGPU: ${name} over ${rows} rows needs ${most} workgroups, more than the ` +
        `maxComputeWorkgroupsPerDimension of the adapter, ${maxWorkgroups}; choose a smaller batch`,
    )
  }
  encoder.setPipeline(pipeline)
  encoder.dispatchWorkgroups(x, y, z)
}
