/** One training run on the page: start, pause, go on, to the last epoch. Its workers live only while it runs. */
import type { Engine, EngineInfo, EpochRecord, ImageSet, ModelState } from '../browser.ts'
import {
  createBrowserEngine,
  initialParameters,
  limitImages,
  MNIST_PIXELS,
  networkOf,
  parametersSha256,
  Run,
  stateOf,
  trainingOf,
} from '../browser.ts'
import type { Session } from './session.ts'
import { runSettings, type Settings } from './settings.ts'
import { type Snapshot, withSnapshots } from './snapshots.ts'

export type Phase = 'ready' | 'preparing' | 'running' | 'pausing' | 'paused' | 'finished' | 'failed'

/** Loss of one minibatch; `at` is its place in epochs, 1.5 in the middle of the second. */
export interface BatchPoint {
  readonly at: number
  readonly loss: number
}

/** How often training stops between two steps to tell its losses. */
const SNAPSHOT_MS = 1000
/** How often the other panels see new weights. Reading and showing them costs some 40 ms of the page's own thread. */
const PANELS_MS = 2000
/** Images a second are those of the last so many milliseconds. */
const SPEED_WINDOW_MS = 2000
/** Readings move this often: painting takes processor time that training could have. */
const READINGS_MS = 200

export class TrainingRun {
  readonly settings: Settings
  readonly #session: Session
  readonly #onChange: () => void
  readonly #run: Run
  #phase: Phase = 'ready'
  #engine: Engine | undefined
  #stop = new AbortController()
  #state: ModelState
  #info: EngineInfo | undefined
  #points: BatchPoint[] = []
  #epochFraction = 0
  #shownMs = 0
  #updatedMs = 0
  #ticks: { ms: number; steps: number }[] = []
  #loading: string | undefined
  #sha256: string | undefined
  #isUpdating = false

  /** `onChange` is called whenever something that the page shows has changed. */
  constructor(session: Session, settings: Settings, onChange: () => void) {
    this.settings = { ...settings }
    this.#session = session
    this.#onChange = onChange
    const whole = runSettings(settings)
    this.#run = Run.begin(networkOf(whole, MNIST_PIXELS), trainingOf(whole))
    this.#state = stateOf(initialParameters(this.#run.network, settings.seed))
  }

  get phase(): Phase {
    return this.#phase
  }

  get isActive(): boolean {
    return this.#phase === 'preparing' || this.#phase === 'running' || this.#phase === 'pausing'
  }

  /** What is being loaded, for people. */
  get loading(): string | undefined {
    return this.#loading
  }

  get engineInfo(): EngineInfo | undefined {
    return this.#info
  }

  get history(): readonly EpochRecord[] {
    return this.#run.progress.history
  }

  get batchPoints(): readonly BatchPoint[] {
    return this.#points
  }

  /** Done of the epoch under way, 0 … 1. */
  get epochFraction(): number {
    return this.#epochFraction
  }

  /** Learning rate of the next step. */
  get learningRate(): number {
    return this.#run.learningRate
  }

  /** Of the last moments while it runs; else of the last epoch. */
  get imagesPerSecond(): number | undefined {
    const first = this.#ticks[0]
    const last = this.#ticks[this.#ticks.length - 1]
    if (this.#phase === 'running' && this.#ticks.length > 1 && last.ms > first.ms) {
      return (1000 * (last.steps - first.steps) * this.settings.batch) / (last.ms - first.ms)
    }
    return this.history.at(-1)?.imagesPerSecond
  }

  /** SHA-256 of the weights, once the run has paused or finished. */
  get sha256(): string | undefined {
    return this.#sha256
  }

  get name(): string {
    const { z, seed } = this.settings
    return `This run: z = ${z}, seed ${seed}`
  }

  /** Puts the run's present weights in use on the page. */
  show(): Promise<void> {
    return this.#session.use({ network: this.#run.network, state: this.#state, name: this.name })
  }

  /**
   * Trains to the last epoch, or through one, or until `pause`. Resolves when the workers are free again; rejects
   * with what went wrong. The weights before are then still in use.
   */
  async start(untilEndOfEpoch: boolean): Promise<void> {
    this.#stop = new AbortController()
    this.#sha256 = undefined
    this.#ticks = []
    this.#setPhase('preparing')
    try {
      const [test, training] = await Promise.all([this.#session.testSet(), this.#trainingSet()])
      const { network } = this.#run
      if (this.#session.model?.network !== network) await this.show()
      const { device, threads } = this.settings
      this.#engine = await createBrowserEngine(network, { device, threads })
      this.#info = this.#engine.info
      this.#setPhase('running')
      await this.#train(this.#engine, { train: training, test }, untilEndOfEpoch)
      this.#state = await this.#engine.readState()
      await this.#session.update(network, this.#state)
      this.#sha256 = await parametersSha256(this.#state.parameters)
      this.#setPhase(this.history.length === this.settings.epochs ? 'finished' : 'paused')
    } catch (error) {
      this.#setPhase('failed')
      throw error
    } finally {
      this.#loading = undefined
      await this.free()
    }
  }

  /** Asks the run to finish the step under way and stop. */
  pause(): void {
    if (this.#phase === 'running' || this.#phase === 'preparing') {
      this.#setPhase('pausing')
      this.#stop.abort()
    }
  }

  /** Ends the workers at once, whatever they are doing. */
  async free(): Promise<void> {
    const engine = this.#engine
    this.#engine = undefined
    await engine?.dispose()
  }

  async #train(
    engine: Engine,
    data: { train: ImageSet; test: ImageSet },
    untilEndOfEpoch: boolean,
  ): Promise<void> {
    const live = withSnapshots(engine, SNAPSHOT_MS, (snapshot) => this.#takeSnapshot(engine, snapshot))
    await live.writeState(this.#state)
    await this.#run.train(live, data, {
      signal: this.#stop.signal,
      onProgress: ({ stepsDone, steps }) => this.#tick(stepsDone, steps),
      onEpoch: () => {
        this.#epochFraction = 0
        this.#ticks = []
        if (untilEndOfEpoch) this.#stop.abort()
        this.#onChange()
      },
    })
  }

  async #trainingSet(): Promise<ImageSet> {
    const set = await this.#session.trainingSet((receivedBytes, totalBytes) => {
      const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
      this.#loading = `Loading the training digits, ${megabytes(receivedBytes)}${totalBytes ? ` of ${megabytes(totalBytes)}` : ''} MB`
      this.#onChange()
    })
    this.#loading = undefined
    return limitImages(set, Math.min(this.settings.limit, set.count))
  }

  #tick(stepsDone: number, steps: number): void {
    this.#epochFraction = stepsDone / steps
    const ms = performance.now()
    this.#ticks.push({ ms, steps: stepsDone })
    this.#ticks = this.#ticks.filter((tick) => ms - tick.ms <= SPEED_WINDOW_MS)
    if (ms - this.#shownMs < READINGS_MS) return
    this.#shownMs = ms
    this.#onChange()
  }

  async #takeSnapshot(engine: Engine, { epoch, stepsDone, steps, batchLosses }: Snapshot): Promise<void> {
    const first = stepsDone - batchLosses.length
    batchLosses.forEach((loss, i) => {
      this.#points.push({ at: epoch - 1 + (first + i + 1) / steps, loss })
    })
    this.#tick(stepsDone, steps)
    const ms = performance.now()
    if (this.#isUpdating || ms - this.#updatedMs < PANELS_MS) return
    this.#updatedMs = ms
    this.#isUpdating = true
    const state = await engine.readState()
    // Not awaited: training goes on while the panels catch up. A failure would meet the update at the end again.
    this.#session
      .update(this.#run.network, state)
      .catch(() => undefined)
      .finally(() => {
        this.#isUpdating = false
      })
  }

  #setPhase(phase: Phase): void {
    this.#phase = phase
    this.#onChange()
  }
}
