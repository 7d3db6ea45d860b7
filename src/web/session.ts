/** What all panels share: the model in use, one engine to look through it with, and the digits to look at. */
import type { Engine, FloatArray, ImageSet, ModelState, Network } from '../browser.ts'
import {
  codeSize,
  createBrowserEngine,
  describeSizes,
  inputSize,
  MNIST_PIXELS,
  UsageError,
} from '../browser.ts'
import { loadDigits } from './beside.ts'
import type { Model } from './model.ts'
import { Turns } from './turns.ts'

/** Codes of the first test images. */
export interface Codes {
  readonly count: number
  readonly z: number
  /** (count, z) */
  readonly values: FloatArray
  /** (count) digits. */
  readonly labels: Uint8Array
}

/** `model`: another model took its place. `weights`: the same one has learnt further. */
export type Change = 'model' | 'weights'

export class Session {
  #engine: Engine | undefined
  #model: Model | undefined
  /** Engines take one call at a time. */
  readonly #turns = new Turns()
  #version = 0
  #codes: { version: number; codes: Promise<Codes> } | undefined
  #firstErrors: { version: number; errors: Promise<Float64Array> } | undefined
  #testErrors: { version: number; mse: Promise<number> } | undefined
  #first: Promise<ImageSet> | undefined
  #test: Promise<ImageSet> | undefined
  #train: Promise<ImageSet> | undefined
  readonly #listeners: ((change: Change) => void)[] = []

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener)
  }

  /** The model in use; undefined until the first has loaded. */
  get model(): Model | undefined {
    return this.#model
  }

  /** Grows with every change of the weights. */
  get version(): number {
    return this.#version
  }

  /** Latent units of the model in use. */
  get z(): number {
    return this.#model ? codeSize(this.#model.network) : 0
  }

  /** The model in use, in words below a picture. */
  describe(): string {
    return this.#model ? `${this.#model.name} (${describeSizes(this.#model.network)})` : 'no model'
  }

  /** The first digits of the test set: all that pictures and maps show, and a fifth of the load. */
  firstDigits(): Promise<ImageSet> {
    this.#first ??= loadDigits('first').catch((error: unknown) => {
      this.#first = undefined
      throw error
    })
    return this.#first
  }

  /** All 10,000 test digits, for what is measured. */
  testSet(): Promise<ImageSet> {
    this.#test ??= loadDigits('test').catch((error: unknown) => {
      this.#test = undefined
      throw error
    })
    return this.#test
  }

  trainingSet(
    onProgress: (receivedBytes: number, totalBytes: number | undefined) => void,
  ): Promise<ImageSet> {
    this.#train ??= loadDigits('train', onProgress).catch((error: unknown) => {
      this.#train = undefined
      throw error
    })
    return this.#train
  }

  /** Puts a model in use. Throws for networks that do not take MNIST's pixels; the one before then stays. */
  async use(model: Model): Promise<void> {
    const input = inputSize(model.network)
    if (input !== MNIST_PIXELS) {
      throw new UsageError(
        `${model.name}: expected a network for 28 × 28 = ${MNIST_PIXELS} pixels, found ${input} inputs`,
      )
    }
    await this.#turns.take(async () => {
      const before = this.#engine
      const engine = await createBrowserEngine(model.network, { device: 'wasm', threads: 1 })
      await engine.writeState(model.state)
      this.#engine = engine
      this.#model = model
      await before?.dispose()
    })
    this.#changed('model')
  }

  /**
   * Replaces the weights of this network by later ones; does nothing if another model has taken its place.
   */
  async update(network: Network, state: ModelState): Promise<void> {
    const isUpdated = await this.#turns.take(async () => {
      if (!this.#engine || this.#model?.network !== network) return false
      await this.#engine.writeState(state)
      this.#model = { ...this.#model, state }
      return true
    })
    if (isUpdated) this.#changed('weights')
  }

  /** Runs one call on the engine that holds the model in use, after those asked for before. */
  infer<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    return this.#turns.take(() => {
      if (!this.#engine) throw new UsageError('There is no model yet.')
      return work(this.#engine)
    })
  }

  /** Codes of the first test images, computed once for each version of the weights. */
  codes(): Promise<Codes> {
    if (this.#codes?.version !== this.#version) {
      this.#codes = { version: this.#version, codes: this.#computeCodes() }
    }
    return this.#codes.codes
  }

  /**
   * Reconstruction error of each of the first test digits, rising; computed once for each version of the
   * weights.
   */
  firstErrors(): Promise<Float64Array> {
    if (this.#firstErrors?.version !== this.#version) {
      this.#firstErrors = { version: this.#version, errors: this.#computeFirstErrors() }
    }
    return this.#firstErrors.errors
  }

  /** Mean squared error over the whole test set, computed once for each version of the weights. */
  testMse(): Promise<number> {
    if (this.#testErrors?.version !== this.#version) {
      this.#testErrors = { version: this.#version, mse: this.#computeTestMse() }
    }
    return this.#testErrors.mse
  }

  /** Frees the engine. The session is of no use afterwards. */
  async dispose(): Promise<void> {
    await this.#engine?.dispose()
    this.#engine = undefined
  }

  async #computeCodes(): Promise<Codes> {
    const { count, rows, labels } = await this.firstDigits()
    const values = await this.infer((engine) => engine.encode(rows))
    return { count, z: values.length / count, values, labels }
  }

  async #computeFirstErrors(): Promise<Float64Array> {
    const { rows } = await this.firstDigits()
    return Float64Array.from(await this.infer((engine) => engine.reconstructionErrors(rows))).sort()
  }

  async #computeTestMse(): Promise<number> {
    const test = await this.testSet()
    const errors = await this.infer((engine) => engine.reconstructionErrors(test.rows))
    return errors.reduce((sum, error) => sum + error, 0) / errors.length
  }

  #changed(change: Change): void {
    this.#version++
    for (const listener of this.#listeners) listener(change)
  }
}
