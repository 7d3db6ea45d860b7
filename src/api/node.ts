/** The autoencoder of a program in Node: with files. */
import { readFileBytes } from '../data/node-files.ts'
import { type OwnData, ownData } from '../data/own-data.ts'
import type { EngineOptions } from '../engines/create.ts'
import { createEngine as makeEngine } from '../engines/create.ts'
import type { Engine } from '../engines/engine.ts'
import { ENGINE_OPTIONS } from '../engines/options.ts'
import { UsageError } from '../errors.ts'
import { writeFileAtomically } from '../files/write.ts'
import type { Network } from '../model/network.ts'
import { kindOf } from '../quote.ts'
import { BaseAutoencoder } from './base-autoencoder.ts'
import { checkBytes, checkKeys } from './checks.ts'
import type { FileFormat, FileOptions } from './files.ts'
import { checkDataOptions, type DataOptions, type ReadRows, type RowsOptions } from './own-data.ts'
import type { ForeignOptions, ModelOptions, Prepared } from './start.ts'
import { begin, FOREIGN_OPTIONS, fromFile, fromSeed } from './start.ts'

/**
 * An engine of the network. Throws a `DeviceError` that says why when the chosen device cannot compute here;
 * a `UsageError` for other options.
 */
export async function createEngine(network: Network, options: EngineOptions = {}): Promise<Engine> {
  checkKeys('createEngine', options, ENGINE_OPTIONS)
  return makeEngine(network, options)
}

export interface CreateOptions extends ModelOptions, EngineOptions {}

export interface LoadOptions extends ForeignOptions, EngineOptions {}

const LOAD_OPTIONS = [...FOREIGN_OPTIONS, ...ENGINE_OPTIONS]

/**
 * Rows from a file or a folder of pictures, to train on: raw, with what their columns are.
 *
 * @param options as `npm run train` has flags; `test`: path of other data, which judge the training
 * @throws FileError for what is not there or cannot be used; UsageError for options that cannot be
 */
export async function loadData(
  path: string,
  options: DataOptions & { readonly test?: string | undefined } = {},
): Promise<OwnData> {
  const { test } = options
  checkPath('loadData', path)
  if (test !== undefined) checkPath('test', test)
  checkDataOptions('loadData', options)
  const { loadSource } = await import('../data/sources/node.ts')
  const source = await loadSource(path, options)
  return ownData(source, options, test === undefined ? undefined : await loadSource(test, options))
}

export class Autoencoder extends BaseAutoencoder {
  /**
   * An untrained model on the device asked for: Xavier-uniform weights from the seed, biases of 0.01.
   *
   * @throws UsageError for sizes, seeds and threads that cannot be; DeviceError where the device cannot
   *   compute here
   */
  static async create(options: CreateOptions = {}): Promise<Autoencoder> {
    return Autoencoder.#open(fromSeed(options, ENGINE_OPTIONS), options)
  }

  /**
   * A model from a .pth or .safetensors file, or from a checkpoint, whose run `train` then goes on with. What
   * a file of another program does not say is in the options; what was taken, in `warnings`.
   *
   * @throws FileError for a file that cannot be read or holds no autoencoder; DeviceError as `create`
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Autoencoder> {
    checkPath('load', path)
    checkKeys('load', options, LOAD_OPTIONS)
    return Autoencoder.#open(fromFile(await readFileBytes(path), path, options), options)
  }

  /** The same for the bytes of a file; `name` is what errors call it. */
  static async fromBytes(bytes: Uint8Array, name: string, options: LoadOptions = {}): Promise<Autoencoder> {
    checkBytes(bytes, name)
    checkKeys('fromBytes', options, LOAD_OPTIONS)
    return Autoencoder.#open(fromFile(bytes, name, options), options)
  }

  static async #open(prepared: Prepared, options: EngineOptions): Promise<Autoencoder> {
    const engine = await begin(prepared, (network) => makeEngine(network, options))
    return new Autoencoder(engine, prepared.start)
  }

  /**
   * Rows from a file or a folder of pictures, as this model takes them; `readRows` says more.
   *
   * @throws FileError for what is not there or cannot be used; UsageError for options that cannot be
   */
  async loadRows(path: string, options: RowsOptions = {}): Promise<ReadRows> {
    checkPath('loadRows', path)
    const { loadSource } = await import('../data/sources/node.ts')
    return this.rowsRead('loadRows', options, (reading) => loadSource(path, reading))
  }

  /**
   * Writes a file, all of it or nothing. Its extension is the format: .pth (PyTorch), .safetensors or .onnx.
   *
   * @throws UsageError for another extension; FileError where the file cannot be written
   */
  async save(path: string, options: FileOptions = {}): Promise<void> {
    checkPath('save', path)
    await writeFileAtomically(path, await this.toBytes(formatOf(path), options))
  }

  /** Writes a checkpoint (a .safetensors file), all of it or nothing: from it `load` goes on with the run. */
  async saveCheckpoint(path: string): Promise<void> {
    checkPath('saveCheckpoint', path)
    await writeFileAtomically(path, await this.toCheckpoint())
  }
}

/** Throws a `UsageError` for what is no path. */
function checkPath(call: string, path: string): void {
  if (typeof path === 'string' && path !== '') return
  throw new UsageError(`${call}: expected a path, found ${kindOf(path)}`)
}

function formatOf(path: string): FileFormat {
  const extension = /\.(pth?|safetensors|onnx)$/i.exec(path)?.[1].toLowerCase()
  if (extension === 'onnx' || extension === 'safetensors') return extension
  if (extension !== undefined) return 'pth'
  throw new UsageError(`${path}: expected a name that ends in .pth, .safetensors or .onnx`)
}
