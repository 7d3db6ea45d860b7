/**
 * Which Linear layers a file's tensors are, and in which order they follow one another. Names and shapes are
 * all that a file of another program says. Runs in a browser.
 */
import { FileError } from '../errors.ts'
import { quote } from '../quote.ts'
import type { ReaderBudget } from '../reader-budget.ts'
import { shapeText, type Tensor } from './tensor.ts'

/** One `nn.Linear`: `NAME.weight` of shape (outputs, inputs) and `NAME.bias` of shape (outputs). */
export interface LinearLayer {
  /** Its name in the file; '' where the tensors are called `weight` and `bias` alone. */
  readonly name: string
  readonly inputs: number
  readonly outputs: number
}

/** More layers than any use of a file, and few enough to search. */
export const MOST_LAYERS = 1000
/** Steps of the search for an order, after which the order counts as ambiguous. */
const MOST_SEARCH_STEPS = 20_000

/**
 * The layers in the order in which they are computed: each takes what the one before it gives. Names count
 * before shapes: those that differ in their numbers alone follow one another by number (`net.0`, `net.2`),
 * upwards where that is possible, and `encoder` comes before `decoder`. What that leaves open is decided by
 * the file's own order, where it has one.
 *
 * @param isOrdered whether the order of `tensors` is the model's own, as in a state_dict; a .safetensors has
 *   none
 * @throws FileError, naming the tensors, where they are no Linear layers, form no chain, or form several
 */
export function findChain(
  tensors: ReadonlyMap<string, Tensor>,
  isOrdered: boolean,
  file: string,
  budget: ReaderBudget,
): readonly LinearLayer[] {
  const layers = linearLayers(tensors, file)
  const byName = layers.toSorted((a, b) => compareNames(a.name, b.name))
  const groups = groupByStem(byName)
  const found = findOrders(groups, false, budget)
  if (found.length === 1) return found[0]
  const inFileOrder = isOrdered && isChain(layers)
  if (inFileOrder && (found.length === 0 || followsNames(layers, groups))) return layers
  if (found.length === 0) {
    const either = findOrders(groups, true, budget)
    if (either.length === 1) return either[0]
    if (either.length === 0) throw brokenChain(isOrdered ? layers : byName, file)
  }
  throw new FileError(
    file,
    `its layers can follow one another in several ways, and their names do not tell which: ${list(byName)}`,
  )
}

function linearLayers(tensors: ReadonlyMap<string, Tensor>, file: string): LinearLayer[] {
  const layers: LinearLayer[] = []
  for (const [name, { shape, data }] of tensors) {
    const layer = layerOf(name)
    if (layer === undefined || shape.length !== (layer.kind === 'weight' ? 2 : 1) || shape.includes(0)) {
      throw new FileError(
        file,
        `tensor ${quote(name)} of shape ${shapeText(shape)} is no weight (outputs, inputs) or bias (outputs) of a ` +
          'Linear layer, the only kind that a network has here',
      )
    }
    if (!(data instanceof Float32Array || data instanceof Float64Array)) {
      throw new FileError(file, `tensor ${quote(name)}: expected floating-point numbers, found integers`)
    }
    const twin = nameOf(layer.name, layer.kind === 'weight' ? 'bias' : 'weight')
    const other = tensors.get(twin)
    if (other === undefined) {
      throw new FileError(file, `tensor ${quote(twin)} is missing; ${quote(name)} needs it`)
    }
    if (layer.kind === 'weight') {
      if (other.shape.length !== 1 || other.shape[0] !== shape[0]) {
        const expected = `expected (${shape[0]}), as many as the outputs of ${quote(name)}`
        throw new FileError(file, `tensor ${quote(twin)}: ${expected}, found ${shapeText(other.shape)}`)
      }
      layers.push({ name: layer.name, inputs: shape[1], outputs: shape[0] })
    }
  }
  if (layers.length === 0) throw new FileError(file, 'it holds no tensors')
  if (layers.length > MOST_LAYERS) {
    throw new FileError(file, `expected a network of at most ${MOST_LAYERS} layers, found ${layers.length}`)
  }
  return layers
}

type TensorKind = 'weight' | 'bias'

function layerOf(tensorName: string): { name: string; kind: TensorKind } | undefined {
  for (const kind of ['weight', 'bias'] as const) {
    if (tensorName === kind) return { name: '', kind }
    if (tensorName.endsWith(`.${kind}`)) return { name: tensorName.slice(0, -kind.length - 1), kind }
  }
  return undefined
}

/** What a layer's tensor is called in the file. */
export function nameOf(layer: string, kind: TensorKind): string {
  return layer === '' ? kind : `${layer}.${kind}`
}

/** By stem, which is the name without its numbers, then by the numbers. */
function compareNames(a: string, b: string): number {
  return compare(stemOf(a), stemOf(b)) || compareNumbers(a, b) || compare(a, b)
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function stemOf(name: string): string {
  return name.replace(/\d+/g, '#')
}

function compareNumbers(a: string, b: string): number {
  const [left, right] = [a, b].map((name) =>
    (name.match(/\d+/g) ?? []).map((digits) => digits.replace(/^0+/, '')),
  )
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    // Without leading zeros the longer number is the larger one, however long.
    const order = left[i].length - right[i].length || compare(left[i], right[i])
    if (order !== 0) return order
  }
  return left.length - right.length
}

/** Layers of one stem, in the order of their numbers. */
type Group = readonly LinearLayer[]

function groupByStem(byName: readonly LinearLayer[]): Group[] {
  const groups = new Map<string, LinearLayer[]>()
  for (const layer of byName) {
    const stem = stemOf(layer.name)
    const group = groups.get(stem)
    if (group === undefined) groups.set(stem, [layer])
    else group.push(layer)
  }
  return [...groups.values()]
}

type Half = 'enc' | 'dec' | undefined

/** The half of an autoencoder that a layer's name says it is of: `encoder.0`, `model.dec_fc1`. */
function halfOf({ name }: LinearLayer): Half {
  const [, half] = /(?:^|[._])(enc|dec)/i.exec(name) ?? []
  return half?.toLowerCase() as Half
}

/**
 * Up to two orders in which all layers follow one another, those of one stem by their numbers, an encoder's
 * before a decoder's. More than two if the search was given up: then nothing is known.
 *
 * @param mayCountDown whether the numbers of a stem may fall as well, as in a decoder that mirrors its
 *   encoder
 */
function findOrders(groups: readonly Group[], mayCountDown: boolean, budget: ReaderBudget): LinearLayer[][] {
  const count = groups.reduce((sum, group) => sum + group.length, 0)
  const orders: LinearLayer[][] = []
  const halves = new Map(groups.flat().map((layer) => [layer, halfOf(layer)]))
  let encoderLeft = [...halves.values()].filter((half) => half === 'enc').length
  /** Layers of each group that are in the order, and whether they were taken from its end. */
  const taken = groups.map(() => 0)
  const isDown = groups.map(() => false)
  /**
   * For each place the choice that fills it, or the next one to try: twice the group, and one for its end.
   */
  const choices = [0]
  const order: LinearLayer[] = []

  /** The layer that a choice stands for, if it can come next. */
  const next = (choice: number): LinearLayer | undefined => {
    const group = choice >> 1
    const down = choice % 2 === 1
    const { length } = groups[group]
    if (down && (!mayCountDown || length === 1)) return undefined
    if (taken[group] === length || (taken[group] > 0 && isDown[group] !== down)) return undefined
    const layer = groups[group][down ? length - 1 - taken[group] : taken[group]]
    if (order.length > 0 && order[order.length - 1].outputs !== layer.inputs) return undefined
    return encoderLeft > 0 && halves.get(layer) === 'dec' ? undefined : layer
  }

  for (let steps = 0; choices.length > 0; steps++) {
    budget.work(1)
    if (steps === MOST_SEARCH_STEPS) return [order, order, order]
    const place = choices.length - 1
    const isWhole = order.length === count
    if (isWhole && orders.push([...order]) === 2) return orders
    if (isWhole || choices[place] === 2 * groups.length) {
      choices.pop()
      const layer = order.pop()
      if (layer === undefined) break
      taken[choices[place - 1] >> 1]--
      if (halves.get(layer) === 'enc') encoderLeft++
      choices[place - 1]++
      continue
    }
    const choice = choices[place]
    const layer = next(choice)
    if (layer === undefined) {
      choices[place]++
      continue
    }
    isDown[choice >> 1] = choice % 2 === 1
    taken[choice >> 1]++
    if (halves.get(layer) === 'enc') encoderLeft--
    order.push(layer)
    choices.push(0)
  }
  return orders
}

function isChain(layers: readonly LinearLayer[]): boolean {
  return layers.every(({ inputs }, i) => i === 0 || inputs === layers[i - 1].outputs)
}

/** Whether an order is one of those that `findOrders` looks for. */
function followsNames(layers: readonly LinearLayer[], groups: readonly Group[]): boolean {
  const lastOfEncoder = layers.findLastIndex((layer) => halfOf(layer) === 'enc')
  const firstOfDecoder = layers.findIndex((layer) => halfOf(layer) === 'dec')
  if (firstOfDecoder >= 0 && firstOfDecoder < lastOfEncoder) return false
  const place = new Map(layers.map((layer, i) => [layer, i]))
  const placeOf = (layer: LinearLayer) => place.get(layer) as number
  return groups.every((group) => group.every((layer, i) => i === 0 || placeOf(group[i - 1]) < placeOf(layer)))
}

function brokenChain(layers: readonly LinearLayer[], file: string): FileError {
  const at = layers.findIndex(({ inputs }, i) => i > 0 && inputs !== layers[i - 1].outputs)
  if (at < 0) return new FileError(file, `its layers form no chain: ${list(layers)}`)
  const [before, after] = [layers[at - 1], layers[at]].map(({ name }) => quote(nameOf(name, 'weight')))
  return new FileError(
    file,
    `its layers form no chain: ${before} has ${layers[at - 1].outputs} outputs, ${after} takes ` +
      `${layers[at].inputs} inputs; it holds ${list(layers)}`,
  )
}

function list(layers: readonly LinearLayer[]): string {
  const shown = layers.slice(0, 8).map(({ name, inputs, outputs }) => {
    return `${quote(nameOf(name, 'weight'), 40)} (${outputs}, ${inputs})`
  })
  return layers.length > shown.length ? `${shown.join(', ')} …` : shown.join(', ')
}
