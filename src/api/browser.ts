/** The autoencoder of a program in a browser: files are bytes that come and go as the page likes. */
import type { EngineOptions } from '../engines/create-browser.ts'
import { createBrowserEngine as makeEngine } from '../engines/create-browser.ts'
import type { Engine } from '../engines/engine.ts'
import { ENGINE_OPTIONS } from '../engines/options.ts'
import type { Network } from '../model/network.ts'
import { BaseAutoencoder } from './base-autoencoder.ts'
import { checkBytes, checkKeys } from './checks.ts'
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

  static async #open(prepared: Prepared, options: EngineOptions): Promise<Autoencoder> {
    const engine = await begin(prepared, (network) => makeEngine(network, options))
    return new Autoencoder(engine, prepared.start)
  }
}
