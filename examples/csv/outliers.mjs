/**
 * Finds the rows of a table that are unlike the rest.
 *
 *   node outliers.mjs [FILE.csv [COLUMN]]
 *
 * COLUMN says which rows are known to be outliers; the network never sees it. Default: machines.csv and its
 * column `outlier`.
 */
import { fileURLToPath } from 'node:url'
import { Autoencoder, loadData, propose } from 'hourglass-autoencoder'

const machines = fileURLToPath(new URL('../machines.csv', import.meta.url))
const [file = machines, label = file === machines ? 'outlier' : undefined] = process.argv.slice(2)
const data = await loadData(file, { label })
const { model: network, training } = propose(data)
const model = await Autoencoder.create({ ...network, device: 'cpu' })
await model.train(data, training)

const scores = await model.score(data.train)
const worst = Array.from(scores.errors, (error, row) => ({ row: row + 1, error }))
  .sort((a, b) => b.error - a.error)
  .slice(0, 5)
console.log(
  `${scores.flagged} of ${scores.count} rows are above the threshold; those furthest from the rest:`,
)
for (const { row, error } of worst) console.log(`row ${row}: error ${error.toFixed(3)}`)
await model.dispose()
