import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { philox4x32 } from '../../src/random/philox.ts'

type Words = [number, number, number, number]

/** Random123's published known answers for philox4x32-10 (`kat_vectors` of its distribution). */
const KNOWN_ANSWERS: { counter: Words; key: [number, number]; words: Words }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
]

for (const { counter, key, words } of KNOWN_ANSWERS) {
  test(`known answer for counter ${counter.map((word) => word.toString(16)).join(' ')}`, () => {
    const out = new Uint32Array(4)
    philox4x32(out, ...counter, ...key)
    assert.equal([...out], words)
  })
}

test('the products agree with exact integers for many counters and keys', () => {
  const out = new Uint32Array(4)
  const word = 0xffffffffn
  for (let i = 0; i < 200; i++) {
    const draw = (j: number) => Math.imul(i * 6 + j + 1, 0x9e3779b1) >>> 0
    const input = [0, 1, 2, 3, 4, 5].map(draw) as [number, number, number, number, number, number]
    let [c0, c1, c2, c3, k0, k1] = input.map(BigInt)
    for (let round = 0; round < 10; round++) {
      const product0 = 0xd2511f53n * c0
      const product1 = 0xcd9e8d57n * c2
      ;[c0, c1, c2, c3] = [
        (product1 >> 32n) ^ c1 ^ k0,
        product1 & word,
        (product0 >> 32n) ^ c3 ^ k1,
        product0 & word,
      ]
      k0 = (k0 + 0x9e3779b9n) & word
      k1 = (k1 + 0xbb67ae85n) & word
    }
    philox4x32(out, ...input)
    assert.equal([...out], [c0, c1, c2, c3].map(Number))
  }
})

test.run()
