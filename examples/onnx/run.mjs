/**
 * Runs a model of Hourglass in ONNX Runtime: `node run.mjs [FILE]`, with onnxruntime-web or onnxruntime-node.
 *
 * The file comes from `await model.save('digits.onnx')`, or from
 * `npm run export -- -l weights.pth --onnx digits.onnx`.
 */
import { readFile } from 'node:fs/promises'
import { InferenceSession, Tensor } from 'onnxruntime-web'

const session = await InferenceSession.create(await readFile(process.argv[2] ?? 'digits.onnx'))
const [input] = session.inputNames
const [output] = session.outputNames

// Two rows: the batch may have any size.
const rows = new Tensor('float32', new Float32Array(2 * 784), [2, 784])
const { data, dims } = (await session.run({ [input]: rows }))[output]
const mean = data.reduce((sum, value) => sum + value, 0) / data.length
console.log(`${input} -> ${output} (${dims}): mean of what it makes of a black image: ${mean.toFixed(6)}`)
