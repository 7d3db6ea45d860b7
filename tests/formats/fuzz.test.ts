/**
 * Damaged files of every format, from a seed: reading one either works or throws a FileError. Bytes are
 * changed, and so is what they stand for (opcodes, records of archives, headers, members of gzip), so that
 * the damage gets beyond the first check. Both outcomes must occur where both can, and many checks must
 * speak: a fuzz that damages nothing, or whose cases all fail at the same first check, would pass too.
 * `npm run fuzz` goes on from here.
 *
 *   node tests/formats/fuzz.test.ts [seed]
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandomSequence } from '../../src/random/sequence.ts'
import { ARRAYS_BESIDES, INFLATED_BESIDES, MEMORY_PER_BYTE } from '../../src/reader-budget.ts'
import { judge, mutated, TARGETS } from '../fuzz/targets.ts'

const seed = Number(process.argv[2] ?? 1)

const CASES = 3000

/** The least number of different complaints to see of each reader. */
const COMPLAINTS: Readonly<Record<string, number>> = {
  safetensors: 20,
  'a model as .safetensors': 20,
  'a checkpoint': 40,
  'a model as .pth': 30,
  'tensors of a .pth': 20,
  zip: 12,
  IDX: 8,
  'IDX in gzip': 10,
  NPY: 10,
  NPZ: 20,
  CSV: 6,
  'CSV in gzip': 7,
  Parquet: 20,
  'size of a picture': 1,
  'a picture': 5,
  'a table to learn from': 6,
  'a trajectory in JSON': 20,
}

/**
 * What one file may take of arrays: the budget, and as much again for copies. The constant is for the tables
 * of fflate and zlib: up to 64 KiB a block of a stream, garbage after it. Collected garbage makes the count
 * too low now and then, never too high.
 */
const MOST_PER_FILE_BYTE = 2 * MEMORY_PER_BYTE
const mostBesides = (name: string) =>
  2 * ARRAYS_BESIDES + (/IDX in gzip|NPZ|CSV|Parquet/.test(name) ? INFLATED_BESIDES : 0)

for (const [index, target] of TARGETS.entries()) {
  test(`${target.name}: ${CASES} damaged copies are read or refused`, async () => {
    const outcomes = new Map<string, number>()
    for (let i = 0; i < CASES; i++) {
      const bytes = mutated(target, target.seeds, createRandomSequence(seed, index * 1_000_000 + i))
      const { arrayBuffers } = process.memoryUsage()
      const outcome = await judge(target, bytes).catch((error: Error) => {
        throw new Error(`case ${i} of seed ${seed}: ${error.message}`, { cause: error })
      })
      const allocated = process.memoryUsage().arrayBuffers - arrayBuffers
      assert.ok(
        allocated <= mostBesides(target.name) + MOST_PER_FILE_BYTE * bytes.length,
        `case ${i} of seed ${seed}: ${allocated} bytes allocated for a file of ${bytes.length}`,
      )
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    const read = outcomes.get('read') ?? 0
    assert.ok(read > CASES / 100, `only ${read} were read`)
    assert.ok(read < 0.8 * CASES, `${read} were read`)
    const complaints = [...outcomes.keys()].filter((outcome) => outcome !== 'read')
    assert.ok(complaints.length >= COMPLAINTS[target.name], complaints.join('\n'))
  })
}

test.run()
