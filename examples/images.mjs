/**
 * Writes the first digits of MNIST as plain bytes, (count, 784), for the pages:
 * `node images.mjs FOLDER [COUNT]` makes FOLDER/images.bin.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { limitImages, loadDataset } from 'hourglass-autoencoder'

const [folder = '.', count = '2000'] = process.argv.slice(2)
const { train } = await loadDataset()
await writeFile(join(folder, 'images.bin'), limitImages(train, Number(count)).rows)
