/** A data set that trains in milliseconds: blurred strokes of 6 × 5 pixels, two kinds of them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dataset, ImageSet } from '../../src/data/dataset.ts'

const WIDTH = 6
const HEIGHT = 5

/** Image i of a set: a stroke whose kind, place and strength follow from i, so that images differ. */
function strokes(count: number, firstIndex: number): ImageSet {
  const images = new Uint8Array(count * WIDTH * HEIGHT)
  const labels = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const index = firstIndex + i
    const isVertical = index % 2 === 0
    const place = (index * 7) % (isVertical ? WIDTH : HEIGHT)
    labels[i] = isVertical ? 0 : 1
    for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
      const distance = Math.abs((isVertical ? pixel % WIDTH : Math.floor(pixel / WIDTH)) - place)
      images[i * WIDTH * HEIGHT + pixel] = Math.max(0, 250 - ((index * 13) % 60) - 110 * distance)
    }
  }
  return { count, width: WIDTH, height: HEIGHT, rows: images, labels }
}

export function smallDataset(trainImages: number, testImages: number): Dataset {
  return { name: 'strokes', train: strokes(trainImages, 0), test: strokes(testImages, trainImages) }
}

function idx(sizes: readonly number[], body: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * sizes.length))
  header.setUint32(0, 0x0800 + sizes.length)
  sizes.forEach((size, i) => {
    header.setUint32(4 + 4 * i, size)
  })
  return Uint8Array.from([...new Uint8Array(header.buffer), ...body])
}

/** Writes a data set as four IDX files; returns the directory. */
export function writeDataset(directory: string, { train, test }: Dataset): string {
  mkdirSync(directory, { recursive: true })
  const write = (prefix: string, { count, width, height, rows: images, labels }: ImageSet) => {
    writeFileSync(join(directory, `${prefix}-images-idx3-ubyte`), idx([count, height, width], images))
    writeFileSync(join(directory, `${prefix}-labels-idx1-ubyte`), idx([count], labels))
  }
  write('train', train)
  write('t10k', test)
  return directory
}

/** `count` training and as many test images of any size, with labels 0 to 2. */
export function smallImages(width: number, height: number, count: number): Dataset {
  const set: ImageSet = {
    count,
    width,
    height,
    rows: Uint8Array.from({ length: count * width * height }, (_, i) => (i * 37) % 251),
    labels: Uint8Array.from({ length: count }, (_, i) => i % 3),
  }
  return { name: `${width} × ${height}`, train: set, test: set }
}
