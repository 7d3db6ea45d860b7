/** `npm run convert -- IN OUT`: a model from .pth to .safetensors or back, or out of a checkpoint. */
import { checkWritable, writeFileAtomically } from '../src/files/write.ts'
import { CHECKPOINT_KEY, modelFormat, writeModel } from '../src/formats/model-file.ts'
import { describeSizes, parameterCount } from '../src/model/network.ts'
import { commandLine, jsonOption, runCommand } from './cli.ts'
import { loadModel, networkOptions } from './model-option.ts'

async function main(args: string[]): Promise<undefined> {
  const usage = 'npm run convert -- IN OUT\n\nThe names end in .pth or .safetensors; OUT is overwritten.'
  const flags = await commandLine(usage, args, ['IN', 'OUT'])
    .options({ ...networkOptions, json: jsonOption })
    .parseAsync()
  const [from, to] = flags._.map(String)
  modelFormat(to)
  await checkWritable(to)
  const model = await loadModel(from, flags)
  // What a checkpoint says of its run would be untrue of a file that holds the weights alone.
  const metadata = CHECKPOINT_KEY in model.metadata ? {} : model.metadata
  await writeFileAtomically(to, writeModel({ ...model, metadata }, to))
  const parameters = parameterCount(model.network)
  if (flags.json) console.log(JSON.stringify({ from, file: to, network: model.network, parameters }))
  else console.log(`${to}: ${describeSizes(model.network)}, ${parameters} parameters`)
}

await runCommand(main)
