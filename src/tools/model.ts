/** What every tool is given: a trained model on an engine. Runs in a browser. */
import type { Engine } from '../engines/engine.ts'
import type { StopSignal } from '../engines/stop-signal.ts'
import { FileError } from '../errors.ts'
import type { DataKnowledge } from '../formats/model-file.ts'
import { isAutoencoder } from '../model/network.ts'

export interface ToolModel extends DataKnowledge {
  /** Holds the parameters. */
  readonly engine: Engine
  /** What messages call it: its file. */
  readonly name: string
}

export interface ToolHooks {
  /** Share of the rows that is done, in [0, 1]. */
  readonly onProgress?: ((share: number) => void) | undefined
  /** When it aborts, the work rejects with a HourglassError soon. */
  readonly signal?: StopSignal | undefined
}

/** Throws FileError for a classifier. */
export function checkAutoencoder({ engine: { network }, name }: ToolModel): void {
  if (isAutoencoder(network)) return
  throw new FileError(name, `expected an autoencoder, found a classifier (loss ${network.loss})`)
}
