/** The autoencoder of a program in a browser: files are bytes that come and go as the page likes. */
import { type OwnData, ownData } from '../data/own-data.ts'
import { type ChosenFile, placed, sourceFromFiles } from '../data/sources/browser.ts'
import type { EngineOptions } from '../engines/create-browser.ts'
import { createBrowserEngine as makeEngine } from '../engines/create-browser.ts'
import type { Engine } from '../engines/engine.ts'
import { ENGINE_OPTIONS } from '../engines/options.ts'
import type { Network } from '../model/network.ts'
import { BaseAutoencoder } from './base-autoencoder.ts'
import { checkBytes, checkKeys } from './checks.ts'
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
 * Rows from the files that somebody chose, to train on: a table or array, or pictures, whose class is the
 * name of the folder that they lie in, within the one that was chosen.
 *
 * @param files as `<input type="file">` gives them, one with `webkitdirectory` too
 * @param options `test`: other files, which judge the training
 * @throws FileError for what cannot be used; UsageError for options that cannot be
 */
export async function loadData(
  files: Iterable<ChosenFile>,
  options: DataOptions & { readonly test?: Iterable<ChosenFile> | undefined } = {},
): Promise<OwnData> {
  checkDataOptions('loadData', options)
  const { test } = options
  const source = await sourceFromFiles(placed(files), options)
  return ownData(source, options, test && (await sourceFromFiles(placed(test), options)))
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
   * A model from the bytes of a .pth or .safetensors file, or of a checkpoint, whose run `train` then goes on
   * with. What a file of another program does not say is in the options; what was taken, in `warnings`.
   *
   * @param name what errors call it
   * @throws FileError for bytes that hold no autoencoder; DeviceError as `create`
   */
  static async fromBytes(bytes: Uint8Array, name: string, options: LoadOptions = {}): Promise<Autoencoder> {
    checkBytes(bytes, name)
    checkKeys('fromBytes', options, LOAD_OPTIONS)
    return Autoencoder.#open(fromFile(bytes, name, options), options)
  }

  /**
   * Rows from files that somebody chose, as this model takes them; `readRows` says more.
   *
   * @throws FileError for what cannot be used; UsageError for options that cannot be
   */
  loadRows(files: Iterable<ChosenFile>, options: RowsOptions = {}): Promise<ReadRows> {
    return this.rowsRead('loadRows', options, (reading) => sourceFromFiles(placed(files), reading))
  }

  static async #open(prepared: Prepared, options: EngineOptions): Promise<Autoencoder> {
    const engine = await begin(prepared, (network) => makeEngine(network, options))
    return new Autoencoder(engine, prepared.start)
  }
}
