/** The trained model that a command is given. */
import { readFileBytes } from '../src/data/node-files.ts'
import { readModel, type StoredModel } from '../src/formats/model-file.ts'
import { path } from './cli.ts'

export const loadOption = {
  alias: 'l',
  describe: 'trained model, .pth or .safetensors',
  demandOption: '--load: expected the file of a trained model, found nothing',
  requiresArg: true,
  coerce: path('load'),
} as const

/** Reads a model file; what is odd about it goes to stderr. Throws `FileError` for what cannot be read. */
export async function loadModel(file: string): Promise<StoredModel> {
  const model = readModel(await readFileBytes(file), file)
  for (const warning of model.warnings) console.error(`warning: ${warning}`)
  return model
}
