/**
 * What is needed of an `AbortSignal`, which is one: in words of our own, since the types of a program may
 * have neither DOM nor Node.
 */
export interface StopSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}
