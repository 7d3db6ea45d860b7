import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawImageGrid, type ImageGrid, layoutImageGrid } from '../../src/figures/image-grid.ts'
import { COLOURS } from '../../src/figures/theme.ts'
import { countColour, decodePng, pixelAt } from './pixels.ts'

const WIDTH = 5
const HEIGHT = 3

/** Values that tell image, row and column: 70 · image + 20 · row + 3 · column. */
const fingerprint = (image: number) =>
  Uint8Array.from(
    { length: WIDTH * HEIGHT },
    (_, i) => 70 * image + 20 * Math.floor(i / WIDTH) + 3 * (i % WIDTH),
  )

const grid: ImageGrid = {
  title: 'A title',
  subtitles: ['and a line below it'],
  imageWidth: WIDTH,
  imageHeight: HEIGHT,
  width: 300,
  rows: [
    [
      { pixels: fingerprint(0), label: 'first', captions: ['one', 'two'] },
      { pixels: Float32Array.from(fingerprint(1), (value) => value / 255), label: 'second' },
    ],
    [{ pixels: fingerprint(2) }],
  ],
}

test('every pixel of every image is a square of its grey, bytes and floats alike', async () => {
  const { scale, corners, width, height } = layoutImageGrid(grid)
  const pixels = await decodePng(await drawImageGrid(grid))
  assert.equal([pixels.width, pixels.height], [width, height])
  assert.ok(scale > 5)
  const places = [corners[0][0], corners[0][1], corners[1][0]]
  places.forEach((corner, image) => {
    const expected = fingerprint(image)
    for (let y = 0; y < HEIGHT * scale; y++) {
      for (let x = 0; x < WIDTH * scale; x++) {
        const value = expected[Math.floor(y / scale) * WIDTH + Math.floor(x / scale)]
        const found = pixelAt(pixels, corner.x + x, corner.y + y)
        if (found[0] !== value)
          assert.equal(found, [value, value, value, 255], `image ${image}, dot (${x}, ${y})`)
      }
    }
    const [outside] = pixelAt(pixels, corner.x - 1, corner.y + 1)
    assert.is(outside, 255)
  })
})

test('floats beyond black and white are drawn as black and white', async () => {
  const cell = { pixels: Float64Array.of(-0.7, 1.3, 0.5, 0, 1, 0.25) }
  const figure = { title: 'x', imageWidth: 3, imageHeight: 2, rows: [[cell]] }
  const { scale, corners } = layoutImageGrid(figure)
  const pixels = await decodePng(await drawImageGrid(figure))
  const found = [0, 1, 2, 3, 4, 5].map(
    (i) => pixelAt(pixels, corners[0][0].x + scale * (i % 3), corners[0][0].y + scale * Math.floor(i / 3))[0],
  )
  assert.equal(found, [0, 255, 128, 0, 255, 64])
})

test('pixels in colour, each a square and several to a dot', async () => {
  const pixels = Uint8Array.of(255, 0, 0, 0, 128, 255)
  const figure: ImageGrid = { title: 'x', imageWidth: 2, imageHeight: 1, channels: 3, rows: [[{ pixels }]] }
  const { scale, corners } = layoutImageGrid(figure)
  const drawn = await decodePng(await drawImageGrid(figure))
  const { x, y } = corners[0][0]
  assert.equal(pixelAt(drawn, x + scale - 1, y), [255, 0, 0, 255])
  assert.equal(pixelAt(drawn, x + scale, y + scale - 1), [0, 128, 255, 255])
  const imageWidth = 20_000
  const wide = Uint8Array.from({ length: 3 * imageWidth }, (_, i) => [255, 0, 60][i % 3])
  const large: ImageGrid = { ...figure, imageWidth, rows: [[{ pixels: wide }]] }
  const place = layoutImageGrid(large)
  assert.ok(place.pixelsPerDot > 1)
  const shown = await decodePng(await drawImageGrid(large))
  assert.equal(pixelAt(shown, place.corners[0][0].x + 5, place.corners[0][0].y), [255, 0, 60, 255])
})

test('images are as large as the width lets them be, and the figure is of that width', () => {
  const { width, scale, corners } = layoutImageGrid(grid)
  assert.is(width, Math.round((300 * 150) / 96))
  const [a, b] = corners[0]
  assert.ok(b.x >= a.x + scale * WIDTH, 'images do not overlap')
  assert.ok(b.x + scale * WIDTH < width)
  assert.ok(2 * scale * WIDTH > 0.8 * width, 'images fill most of the width')
})

test('twelve hundred images in a row still get a dot a pixel', () => {
  const cells = Array.from({ length: 1200 }, () => ({ pixels: fingerprint(0) }))
  const { scale, width, corners } = layoutImageGrid({ ...grid, rows: [cells] })
  assert.is(scale, 1)
  assert.ok(corners[0][1199].x + WIDTH < width)
})

test('images larger than any figure are drawn smaller: a dot is the mean of its pixels', async () => {
  const pixels = Uint8Array.from({ length: 4000 * 3 }, (_, i) => (i % 4000 < 2000 ? (i % 2) * 100 : 250))
  const figure = {
    title: 'x',
    imageWidth: 4000,
    imageHeight: 3,
    rows: [Array.from({ length: 5 }, () => ({ pixels }))],
  }
  const { pixelsPerDot, cellWidth, cellHeight, corners, width } = layoutImageGrid(figure)
  assert.equal([pixelsPerDot, cellWidth, cellHeight], [3, 1334, 1])
  assert.ok(width <= 10_000 && corners[0][4].x + cellWidth < width)
  const found = await decodePng(await drawImageGrid(figure))
  // Three rows of three pixels each, of which every second is 100: four or five of nine.
  const grey = pixelAt(found, corners[0][4].x + 10, corners[0][4].y)[0]
  assert.ok(grey === 33 || grey === 67, `${grey}`)
  assert.is(pixelAt(found, corners[0][4].x + 1300, corners[0][4].y)[0], 250)
})

test('a figure that no canvas has room for is refused in one line', async () => {
  const rows = Array.from({ length: 2000 }, () => [{ pixels: fingerprint(0), captions: ['one', 'two'] }])
  await drawImageGrid({ ...grid, rows }).then(
    () => assert.unreachable('it was drawn'),
    (error: Error) => {
      assert.is(error.name, 'HourglassError')
      assert.match(
        error.message,
        /^the figure "A title" would be of \d+ × \d+ dots, more than canvas can draw$/,
      )
    },
  )
})

test('text is drawn; text wider than its place is set smaller and stays inside the figure', async () => {
  const bare = await decodePng(await drawImageGrid({ ...grid, title: '', subtitles: [''] }))
  const titled = await decodePng(await drawImageGrid(grid))
  assert.ok(countColour(titled, COLOURS.text) > countColour(bare, COLOURS.text))
  const endless = await decodePng(await drawImageGrid({ ...grid, title: 'far too long '.repeat(20) }))
  for (let y = 0; y < endless.height; y++) {
    assert.is(pixelAt(endless, endless.width - 1, y)[0], 255, `dot at the right edge of line ${y}`)
  }
})

test('row labels move the images to the right', async () => {
  const labelled = { ...grid, rowLabels: ['z = 2', 'z = 16'] }
  const plain = await decodePng(await drawImageGrid(grid))
  const pixels = await decodePng(await drawImageGrid(labelled))
  assert.is(pixels.width, plain.width)
  assert.ok(layoutImageGrid(grid, 80).corners[0][0].x >= layoutImageGrid(grid).corners[0][0].x + 80)
  assert.is(
    pixelAt(plain, layoutImageGrid(grid).corners[0][0].x, layoutImageGrid(grid).corners[0][0].y)[0],
    0,
  )
})

test('text too wide for its place is set smaller, with what is beside it in its row', async () => {
  const cells = (captions: readonly string[]) =>
    captions.map((caption) => ({ pixels: fingerprint(0), captions: [caption] }))
  /** Rows of dots in which the caption of the first image lies. */
  const heightOf = async (captions: readonly string[]) => {
    const figure = { ...grid, rows: [cells(captions)] }
    const { corners, cellHeight, height } = layoutImageGrid(figure)
    const pixels = await decodePng(await drawImageGrid(figure))
    const [{ x, y }] = corners[0]
    const rows = Array.from({ length: height - y - cellHeight - 1 }, (_, i) => y + cellHeight + 1 + i)
    return rows.filter((row) => [0, 1, 2, 3, 4, 5, 6].some((i) => pixelAt(pixels, x + 70 + i, row)[0] < 200))
      .length
  }
  const alone = await heightOf(['HHHHHHHHHHHH', 'H'])
  assert.ok(alone > 6, `${alone}`)
  const beside = await heightOf(['HHHHHHHHHHHH', 'H'.repeat(80)])
  assert.ok(beside < 0.6 * alone, `${beside} beside a long one, ${alone} beside a short one`)
})

test.run()
