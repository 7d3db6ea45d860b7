/** The orders of epochs, of which the next one is drawn while the device is busy with the one before. */
import { shuffledOrder } from '../../random/streams.ts'

interface Drawn {
  readonly rows: number
  readonly seed: number
  readonly epoch: number
  readonly order: Uint32Array
}

export class Orders {
  #ahead: Drawn | undefined

  /** The order of an epoch over so many rows, as `shuffledOrder` has it. */
  readonly draw = (rows: number, seed: number, epoch: number): Uint32Array => {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (ahead?.rows === rows && ahead.seed === seed && ahead.epoch === epoch) return ahead.order
    return shuffledOrder(rows, seed, epoch)
  }

  /** Draws the order that `draw` will most likely be asked for next. */
  drawAhead(rows: number, seed: number, epoch: number): void {
    this.#ahead = { rows, seed, epoch, order: shuffledOrder(rows, seed, epoch) }
  }
}
