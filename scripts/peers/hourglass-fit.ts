/**
 * Hourglass on one labelled table, for pyod.ts: twice, so that the first run shows what a new process costs.
 *
 *   node hourglass-fit.ts TABLE.csv LABEL SEED LAUNCHED
 *
 * LAUNCHED is the time (seconds since 1970) at which this process was started. Prints one line of JSON.
 */
import { loadSource } from '../../src/data/sources/node.ts'
import { createEngine } from '../../src/engines/create.ts'
import { labelTable, runTrial } from '../../src/experiments/anomaly-tables.ts'
import { inputSize } from '../../src/model/network.ts'

const [file, label, seed, launched] = process.argv.slice(2)
const started = Date.now() / 1000 - Number(launched)
const begin = performance.now()
const { train: table } = await loadSource(file)
if (table.kind !== 'table') throw new Error(`${file}: no table`)
const labelled = labelTable(table, label, file)
const read = (performance.now() - begin) / 1000
let threads = 0
const options = {
  createEngine: async (network: Parameters<typeof createEngine>[0]) => {
    // V8's flags as in `npm run train`.
    const engine = await createEngine(network, { v8Flags: true })
    threads = engine.info.threads
    // Threads start beside what their caller does: whoever waits for them, it is the start that takes long.
    await engine.forward(new Float32Array(inputSize(network)))
    return engine
  },
}
const first = await runTrial(labelled, 'unsupervised', Number(seed), options)
const second = await runTrial(labelled, 'unsupervised', Number(seed), options)
console.log(
  JSON.stringify({
    version: `Node ${process.versions.node}, ${threads} threads`,
    rows: first.trainingRows,
    columns: first.columns,
    epochs: first.epochs,
    batchSize: first.batchSize,
    start: started + first.seconds.start,
    read,
    // PyOD's fit scales too.
    firstTrain: first.seconds.prepare + first.seconds.train,
    train: second.seconds.prepare + second.seconds.train,
    score: first.seconds.score,
    auroc: first.found.autoencoder.auroc,
  }),
)
