/** What a link to the page unfurls to: the tags name a picture that is there, of the size that they say. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CARD } from '../../src/web/card.ts'

const WEB = join(import.meta.dirname, '../../src/web')
const html = readFileSync(join(WEB, 'index.html'), 'utf8')

function tag(property: string): string | undefined {
  return new RegExp(`<meta (?:property|name)="${property}" content="([^"]*)">`).exec(html)?.[1]
}

test('the card is a PNG of the size that the tags tell', () => {
  const bytes = readFileSync(join(WEB, 'public', CARD.file))
  assert.is(bytes.readUInt32BE(0), 0x89504e47, 'a PNG')
  assert.equal([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [CARD.width, CARD.height])
  // Some who show cards take no larger ones.
  assert.ok(bytes.length < 300_000, `${bytes.length} bytes`)
  assert.is(tag('og:image'), `./${CARD.file}`)
  assert.is(tag('og:image:type'), 'image/png')
  assert.is(tag('og:image:width'), String(CARD.width))
  assert.is(tag('og:image:height'), String(CARD.height))
})

test('a link has a title, a description, and a picture that is described', () => {
  for (const property of ['og:type', 'og:title', 'og:description', 'og:image:alt', 'description']) {
    assert.ok((tag(property)?.length ?? 0) > 5, property)
  }
  assert.is(tag('twitter:card'), 'summary_large_image')
  assert.is(tag('og:title'), /<title>([^<]*)</.exec(html)?.[1])
})

test.run()
