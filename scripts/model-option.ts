/** The trained model that a command is given. */
import { readFileBytes } from '../src/data/node-files.ts'
import { FileError } from '../src/errors.ts'
import { readModel, type StoredModel } from '../src/formats/model-file.ts'
import { parameterTable } from '../src/model/network.ts'
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
  return warned(readModel(await readFileBytes(file), file))
}

function warned(model: StoredModel): StoredModel {
  for (const warning of model.warnings) console.error(`warning: ${warning}`)
  return model
}

/**
 * Throws FileError where a weight is NaN or infinite, which a training that diverged leaves: nothing follows
 * from it.
 */
function checkFinite({ network, parameters }: StoredModel, file: string): void {
  const wrong = parameters.findIndex((value) => !Number.isFinite(value))
  if (wrong === -1) return
  const tensor = parameterTable(network).find(({ offset, length }) => wrong < offset + length)
  throw new FileError(file, `expected finite weights, found ${parameters[wrong]} in ${tensor?.name}`)
}

/**
 * Reads the file of a model that is to be put to use. Throws FileError for weights that are not finite, too.
 */
export async function loadUsableModel(file: string): Promise<StoredModel> {
  const model = readModel(await readFileBytes(file), file)
  // Before its warnings: they would say the same.
  checkFinite(model, file)
  return warned(model)
}
