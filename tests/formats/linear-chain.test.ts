import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findChain } from '../../src/formats/linear-chain.ts'
import type { Tensor } from '../../src/formats/tensor.ts'
import { ReaderBudget } from '../../src/reader-budget.ts'
import { assertRefused } from './refusal.ts'

type Sizes = readonly [name: string, inputs: number, outputs: number]

/** Tensors of Linear layers, in this order. */
function tensorsOf(...layers: readonly Sizes[]): Map<string, Tensor> {
  return new Map(
    layers.flatMap(([name, inputs, outputs]): [string, Tensor][] => [
      [
        name === '' ? 'weight' : `${name}.weight`,
        { shape: [outputs, inputs], data: new Float32Array(inputs * outputs) },
      ],
      [name === '' ? 'bias' : `${name}.bias`, { shape: [outputs], data: new Float32Array(outputs) }],
    ]),
  )
}

const namesIn = (tensors: Map<string, Tensor>, isOrdered: boolean) =>
  findChain(tensors, isOrdered, 'f', new ReaderBudget('f', 1000)).map(({ name }) => name)

/** A file in this order is read in that order, with an order of its own (.pth) and without (.safetensors). */
function chain(layers: readonly Sizes[], expected: readonly string[], orders = [true, false]): void {
  for (const isOrdered of orders) assert.equal(namesIn(tensorsOf(...layers), isOrdered), expected)
}

const refuse = (tensors: Map<string, Tensor>, expected: RegExp, orders = [true, false]) => {
  for (const isOrdered of orders) {
    assertRefused((file) => findChain(tensors, isOrdered, file, new ReaderBudget(file, 1000)), expected)
  }
}

test('one layer, by whatever name', () => {
  chain([['', 3, 3]], [''])
  chain([['linear', 7, 2]], ['linear'])
})

test('layers of one stem follow one another by number, however many digits', () => {
  chain(
    [
      ['net.10', 4, 9],
      ['net.2', 3, 4],
      ['net.0', 9, 3],
    ],
    ['net.0', 'net.2', 'net.10'],
  )
  chain(
    [
      ['fc4', 4, 9],
      ['fc3', 2, 4],
      ['fc2', 4, 2],
      ['fc1', 9, 4],
    ],
    ['fc1', 'fc2', 'fc3', 'fc4'],
  )
  // Two numbers, the outer one first; and the number alone decides, not what the others are.
  chain(
    [
      ['blocks.1.fc.0', 4, 4],
      ['blocks.0.fc.1', 4, 4],
      ['blocks.0.fc.0', 4, 4],
    ],
    ['blocks.0.fc.0', 'blocks.0.fc.1', 'blocks.1.fc.0'],
  )
})

test('the encoder comes before the decoder, though a .safetensors lists it after', () => {
  const sorted: Sizes[] = [
    ['decoder.0', 2, 4],
    ['decoder.2', 4, 9],
    ['encoder.0', 9, 4],
    ['encoder.2', 4, 2],
  ]
  const expected = ['encoder.0', 'encoder.2', 'decoder.0', 'decoder.2']
  chain(sorted, expected)
  chain(
    [
      ['bottleneck', 4, 2],
      ['dec2', 4, 9],
      ['dec1', 2, 4],
      ['enc1', 9, 4],
    ],
    ['enc1', 'bottleneck', 'dec1', 'dec2'],
  )
})

test('shapes order what names do not', () => {
  chain(
    [
      ['out', 3, 9],
      ['middle', 4, 3],
      ['into', 8, 4],
    ],
    ['into', 'middle', 'out'],
  )
  // A decoder that counts down.
  chain(
    [
      ['down1', 9, 4],
      ['down2', 4, 2],
      ['up2', 2, 4],
      ['up1', 4, 8],
    ],
    ['down1', 'down2', 'up2', 'up1'],
  )
})

test('what names and shapes leave open is taken from the order of a state_dict', () => {
  const mirrored: Sizes[] = [
    ['a', 9, 4],
    ['b', 4, 2],
    ['c', 2, 4],
    ['d', 4, 9],
  ]
  chain(mirrored, ['a', 'b', 'c', 'd'], [true])
  refuse(tensorsOf(...mirrored), /several ways, .*: "a\.weight" \(4, 9\), "b\.weight" \(2, 4\)/, [false])
  refuse(tensorsOf(['x', 3, 3], ['y', 3, 3]), /several ways/, [false])
  chain(
    [
      ['y', 3, 3],
      ['x', 3, 3],
    ],
    ['y', 'x'],
    [true],
  )
  // The file's own order is no chain here, and there are two others.
  refuse(tensorsOf(['b', 4, 2], ['a', 9, 4], ['d', 4, 9], ['c', 2, 4]), /several ways/)
})

test('a chain that is broken is refused, by the tensors between which it breaks', () => {
  refuse(
    tensorsOf(['net.0', 9, 4], ['net.2', 5, 2]),
    /form no chain: "net\.0\.weight" has 4 outputs, "net\.2\.weight" takes 5 inputs; it holds "net\.0\.weight" \(4, 9\)/,
  )
  // That fc1 fits behind fc4 does not make a chain of them.
  refuse(
    tensorsOf(['fc1', 5, 4], ['fc2', 3, 2], ['fc3', 2, 4], ['fc4', 4, 5]),
    /form no chain: "fc1\.weight" has 4 outputs, "fc2\.weight" takes 3 inputs/,
  )
  refuse(
    tensorsOf(['a', 1, 2], ['b', 2, 3], ['c', 2, 3]),
    /form no chain: "b\.weight" has 3 outputs, "c\.weight" takes 2 inputs/,
  )
})

test('tensors that are no Linear layers are named', () => {
  const withTensor = (name: string, shape: number[], data: Tensor['data'] = new Float32Array(shape[0])) =>
    tensorsOf(['fc1', 3, 3]).set(name, { shape, data })
  const without = (name: string) => {
    const tensors = tensorsOf(['fc1', 3, 3])
    tensors.delete(name)
    return tensors
  }
  refuse(withTensor('conv.weight', [3, 1, 1, 1]), /"conv\.weight" of shape \(3, 1, 1, 1\) is no weight/)
  refuse(withTensor('bn.running_mean', [3]), /"bn\.running_mean" of shape \(3\) is no weight/)
  refuse(withTensor('bn.weight', [3]), /"bn\.weight" of shape \(3\) is no weight/)
  refuse(withTensor('fc2.weight', [0, 3], new Float32Array(0)), /\(0, 3\) is no weight/)
  refuse(withTensor('fc1.bias', [4]), /"fc1\.bias": expected \(3\), as many as .*"fc1\.weight", found \(4\)/)
  refuse(withTensor('fc1.bias', [3], new Int32Array(3)), /"fc1\.bias": expected floating-point/)
  refuse(without('fc1.bias'), /"fc1\.bias" is missing; "fc1\.weight" needs it/)
  refuse(without('fc1.weight'), /"fc1\.weight" is missing; "fc1\.bias" needs it/)
  refuse(new Map(), /holds no tensors/)
})

test('a thousand layers, all of one shape or none that fit, take no search without end', () => {
  const many = (sizes: (i: number) => readonly [number, number]) =>
    tensorsOf(...Array.from({ length: 300 }, (_, i): Sizes => [`${'x'.repeat(i + 1)}`, ...sizes(i)]))
  refuse(
    many(() => [2, 2]),
    /several ways/,
    [false],
  )
  refuse(
    many((i) => [((i * 7) % 5) + 1, ((i * 3) % 4) + 1]),
    /several ways|no chain/,
  )
  const tooMany = tensorsOf(...Array.from({ length: 1001 }, (_, i): Sizes => [`fc${i}`, 1, 1]))
  refuse(tooMany, /at most 1000 layers, found 1001/)
})

test.run()
