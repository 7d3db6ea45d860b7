/** The passes that move the parameters: gradients of all layers' weights with Adam, in one part or split. */
import { BETA_1, BETA_2, EPSILON } from '../../model/adam.ts'
import type { Network } from '../../model/network.ts'
import type { Layout } from './layout.ts'
import type { Pass } from './pass.ts'
import type { Pipelines } from './pipelines.ts'
import {
  batchOperand,
  DEPTH_VALUES,
  ENOUGH_WORKGROUPS,
  flopsOf,
  type Kernel,
  kernelFor,
  kernelPieces,
  type Operand,
  productPieces,
  ROWS,
  type RowKind,
  rowsPiece,
  TILE_SIZES,
  tilesOf,
} from './products.ts'
import type { Piece } from './shaders.ts'

/** Fewest rows of a part of a split sum: below, adding the parts up costs more than it saves. */
const LEAST_SPLIT_ROWS = 256
/** Threads of a workgroup that takes a quad of parameters a thread. */
const QUAD_THREADS = 64

/** How the sums over rows of a batch are split. */
export interface Split {
  readonly parts: number
  readonly rows: number
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

/** Makes the passes of the weights as they are asked for. */
export class WeightPasses {
  readonly #pipelines: Pipelines
  readonly #network: Network
  readonly #layout: Layout
  readonly #kernel: Kernel | undefined
  readonly #maxWorkgroups: number

  /**
   * @param kernel of every product; default by the sizes
   * @param maxWorkgroups that the adapter dispatches in one dimension
   */
  constructor(
    pipelines: Pipelines,
    network: Network,
    layout: Layout,
    kernel: Kernel | undefined,
    maxWorkgroups: number,
  ) {
    this.#pipelines = pipelines
    this.#network = network
    this.#layout = layout
    this.#kernel = kernel
    this.#maxWorkgroups = maxWorkgroups
  }

  /**
   * dW = dzᵀ x of the layers that are trained, with Adam, and the sum of the loss: in one pass, or in one a
   * layer on software adapters, where compiling them together takes seconds.
   */
  gradients(kind: RowKind, inputs: Operand, batchSize: number, frozenLayers: number) {
    const { weights } = this.#layout
    const { layers } = this.#network
    const trained = layers.map((_, l) => l).filter((l) => l >= frozenLayers)
    const total = (tile: number) =>
      trained.reduce((sum, l) => sum + tilesOf(tile, weights[l].rows, layers[l].inputs + 1), 0)
    const mostParts = trained.length > 0 ? Math.max(1, Math.floor(batchSize / LEAST_SPLIT_ROWS)) : 1
    const kernel = kernelFor(this.#kernel, (size) => total(size) * mostParts)
    const tile = TILE_SIZES[kernel]
    const parts = Math.min(mostParts, Math.ceil(ENOUGH_WORKGROUPS / Math.max(1, total(tile))))
    const depth = DEPTH_VALUES / tile
    const split: Split = {
      parts,
      rows: parts === 1 ? batchSize : depth * Math.ceil(batchSize / parts / depth),
    }
    const groups = kernel === 'direct' && trained.length > 0 ? trained.map((l) => [l]) : [trained]
    const passes = groups.map((group, i) => this.#gradient(kernel, kind, inputs, group, i === 0, parts))
    return { passes, split }
  }

  #gradient(
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
    if (inputs === ROWS && group.includes(0)) pieces.unshift(rowsPiece(kind, layers[0]))
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
    const flops = group.reduce((sum, l) => sum + flopsOf(layers[l]), 0)
    const name = group.length === 1 ? `weight gradient and Adam ${layers[group[0]].name}` : WEIGHTS
    return this.#pipelines.compile(name, pieces, () => [x, y, parts], flops)
  }

  /** Adam on sums that were split: behind the pass of their parts. */
  applySplit(frozenLayers: number): Promise<Pass> {
    const { slabQuads } = this.#layout
    const [x, y] = this.#spread(Math.ceil((slabQuads - this.firstTrained(frozenLayers)) / QUAD_THREADS))
    const pieces: Piece[] = [ADAM, ['apply-split', { SLAB_QUADS: slabQuads, THREADS: QUAD_THREADS }]]
    return this.#pipelines.compile('Adam on split sums', pieces, () => [x, y, 1], 0)
  }

  /** More workgroups than one dimension has, over two. Some at the end may have nothing to do. */
  #spread(groups: number): readonly [number, number] {
    const most = this.#maxWorkgroups
    const y = Math.ceil(groups / most)
    return [Math.ceil(groups / y), y]
  }

  /** First quad of the slabs that is trained. */
  firstTrained(frozenLayers: number): number {
    return this.#layout.weights[frozenLayers]?.at ?? this.#layout.slabQuads
  }
}
