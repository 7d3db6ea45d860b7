/** Image sets from static files, by a host and a browser's cache that are made up. */
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadStaticImageSet } from '../../src/data/static-files.ts'
import { FileError } from '../../src/errors.ts'

const COUNT = 3

/** IDX: a magic number that says how many sizes follow, in big-endian words, then bytes. */
function idx(sizes: readonly number[]): Buffer {
  const head = Buffer.alloc(4 * (1 + sizes.length))
  head.writeUInt32BE(0x800 + sizes.length, 0)
  for (const [i, size] of sizes.entries()) head.writeUInt32BE(size, 4 * (i + 1))
  const bytes = sizes.reduce((product, size) => product * size, 1)
  return Buffer.concat([head, Buffer.alloc(bytes, 1)])
}

/** What a host answers with, by the name of the file. */
type Host = (name: string) => Buffer

const right: Host = (name) => gzipSync(name.includes('images') ? idx([COUNT, 2, 2]) : idx([COUNT]))
const portal: Host = () => Buffer.from('<!doctype html><h1>Sign in to WiFi</h1>')
const cutOff: Host = (name) => (name.includes('images') ? idx([COUNT, 2, 2]) : idx([COUNT])).subarray(0, 9)

/** Visits, one after the other, of a browser that keeps what it is told to; how many fetches each took. */
async function visits(
  hosts: readonly Host[],
  kept = new Map<string, Buffer>(),
): Promise<(number | string)[]> {
  const before = { fetch: globalThis.fetch, caches: globalThis.caches, location: globalThis.location }
  let fetches = 0
  const cache = {
    match: async (url: string) => {
      const bytes = kept.get(url)
      return bytes && new Response(new Uint8Array(bytes))
    },
    put: async (url: string, response: Response) =>
      void kept.set(url, Buffer.from(await response.arrayBuffer())),
    delete: async (url: string) => kept.delete(url),
  }
  const outcomes: (number | string)[] = []
  try {
    for (const host of hosts) {
      fetches = 0
      Object.assign(globalThis, {
        location: { href: 'http://host/app/' },
        caches: { open: async () => cache },
        fetch: async (url: string) => {
          fetches++
          return new Response(new Uint8Array(host(url)))
        },
      })
      const loading = loadStaticImageSet('data/', 'test')
      const set = await loading.catch((error: unknown) => error)
      if (set instanceof FileError) outcomes.push('refused')
      else assert.is((await loading).count, COUNT)
      if (!(set instanceof Error)) outcomes.push(fetches)
    }
    return outcomes
  } finally {
    Object.assign(globalThis, before)
  }
}

test('what was read is kept', async () => {
  assert.equal(await visits([right, right]), [2, 0])
})

test('what a host answers in place of a file is not kept', async () => {
  assert.equal(await visits([portal, right, right]), ['refused', 2, 0])
  assert.equal(await visits([cutOff, right]), ['refused', 2])
})

test('a copy that is damaged is fetched anew', async () => {
  const kept = new Map<string, Buffer>()
  await visits([right], kept)
  for (const url of kept.keys()) kept.set(url, portal(url))
  assert.equal(await visits([right, right], kept), [2, 0])
  for (const [url, bytes] of kept) kept.set(url, bytes.subarray(0, 20))
  assert.equal(await visits([right, right], kept), [2, 0])
})

test.run()
