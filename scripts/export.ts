/** `npm run export -- -l FILE --onnx model.onnx`: a trained model, or a half of it, for ONNX runtimes. */

import { UsageError } from '../src/errors.ts'
import { checkWritable, writeFileAtomically } from '../src/files/write.ts'
import { ONNX_PARTS, writeOnnx } from '../src/formats/onnx.ts'
import { commandLine, jsonOption, oneOf, path, runCommand } from './cli.ts'
import { loadModel, loadOption, networkOptions } from './model-option.ts'

async function main(args: string[]): Promise<undefined> {
  const flags = await commandLine('npm run export -- -l FILE --onnx model.onnx [flags]', args)
    .options({
      load: loadOption,
      ...networkOptions,
      onnx: {
        describe: 'ONNX file to write',
        demandOption: '--onnx: expected the file to write, found nothing',
        requiresArg: true,
        coerce: path('onnx'),
      },
      part: {
        describe: `what to export: ${ONNX_PARTS.join(', ')}`,
        default: 'autoencoder',
        requiresArg: true,
        coerce: oneOf('part', ONNX_PARTS),
      },
      json: jsonOption,
    })
    .parseAsync()
  if (!/\.onnx$/i.test(flags.onnx)) {
    throw new UsageError(`--onnx: expected a name that ends in .onnx, found ${flags.onnx}`)
  }
  await checkWritable(flags.onnx)
  const { network, parameters } = await loadModel(flags.load, flags)
  const { bytes, input, output } = writeOnnx(network, parameters, flags.part)
  await writeFileAtomically(flags.onnx, bytes)
  if (flags.json) console.log(JSON.stringify({ file: flags.onnx, part: flags.part, input, output }))
  else console.log(`${flags.onnx}: ${flags.part}, ${describe(input)} → ${describe(output)}, float32`)
}

function describe({ name, size }: { name: string; size: number }): string {
  return `${name} (batch, ${size})`
}

await runCommand(main)
