/**
 * One training run on the page: start, pause, go on, to the last epoch; begun here or opened from a
 * checkpoint. Its workers live only while it trains.
 */
import type { Checkpoint, Engine, EngineInfo, EpochRecord, ImageSet, ModelState } from '../browser.ts'
import {
  codeSize,
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
import { OPTIONAL_TRAINING } from '../training/config.ts'
import { nextTask } from './dom.ts'
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
/**
 * How often the other panels see new weights. Reading and showing them costs some 40 ms of the page's own
 * thread.
 */
const PANELS_MS = 2000
/** Images a second are those of the last so many milliseconds. */
const SPEED_WINDOW_MS = 2000
/** Readings move this often: painting takes processor time that training could have. */
const READINGS_MS = 200

/** What a run tells the page. */
export interface RunListener {
  /** Something that the page shows has changed. */
  onChange(): void
  /** An epoch is done, or the run has stopped: what it has learnt can be kept. */
  onProgress(run: TrainingRun): void
}

export class TrainingRun {
  #settings: Settings
  readonly #session: Session
  readonly #listener: RunListener
  #run: Run
  #phase: Phase
  #engine: Engine | undefined
  #stop = new AbortController()
  /** Undefined at the seed's weights, as long as nobody has asked for them: to draw them takes a while. */
  #learnt: ModelState | undefined
  #info: EngineInfo | undefined
  #points: BatchPoint[] = []
  #epochFraction = 0
  #shownMs = 0
  #updatedMs = 0
  #ticks: { ms: number; steps: number }[] = []
  #loading: string | undefined
  #sha256: string | undefined
  #isUpdating = false

  private constructor(
    session: Session,
    settings: Settings,
    run: Run,
    state: ModelState | undefined,
    listener: RunListener,
  ) {
    this.#settings = { ...settings }
    this.#session = session
    this.#listener = listener
    this.#run = run
    this.#learnt = state
    const { epoch, batchLosses } = run.progress
    const steps = Math.ceil(settings.limit / settings.batch)
    batchLosses.forEach((loss, i) => {
      this.#points.push({ at: epoch + (i + 1) / steps, loss })
    })
    this.#epochFraction = batchLosses.length / steps
    this.#phase = run.isComplete ? 'finished' : epoch > 0 || batchLosses.length > 0 ? 'paused' : 'ready'
  }

  /** A run that has not begun. */
  static begin(session: Session, settings: Settings, listener: RunListener): TrainingRun {
    const whole = runSettings(settings)
    const run = Run.begin(networkOf(whole, MNIST_PIXELS), trainingOf(whole))
    return new TrainingRun(session, settings, run, undefined, listener)
  }

  /**
   * The run of a checkpoint, `file` by name; `machine` says what computes it here. Whether its data are this
   * page's is found when it goes on.
   */
  static from(
    session: Session,
    { state, ...record }: Checkpoint,
    file: string,
    machine: Pick<Settings, 'threads' | 'device'>,
    listener: RunListener,
  ): TrainingRun {
    const { config } = record
    // Older checkpoints name no schedule.
    const usual = OPTIONAL_TRAINING
    const settings: Settings = {
      z: codeSize(record.network),
      epochs: config.epochs,
      batch: config.batchSize,
      lr: config.learningRate,
      schedule: config.schedule ?? usual.schedule,
      warmup: config.warmup ?? usual.warmup,
      finalLr: config.finalLearningRate ?? usual.finalLearningRate,
      latentBias: config.latentBias ?? usual.latentBias,
      outputBias: config.outputBias ?? usual.outputBias,
      decay: config.weightDecay,
      noise: config.noiseStd,
      seed: config.seed,
      limit: record.trainingRows,
      threads: machine.threads,
      device: machine.device,
    }
    return new TrainingRun(session, settings, Run.from(record, file), state, listener)
  }

  /** Those that it trains with. */
  get settings(): Settings {
    return this.#settings
  }

  get phase(): Phase {
    return this.#phase
  }

  get isActive(): boolean {
    return this.#phase === 'preparing' || this.#phase === 'running' || this.#phase === 'pausing'
  }

  /** Whether it has learnt anything that could be lost. */
  get hasBegun(): boolean {
    return this.history.length > 0 || this.#run.progress.batchLosses.length > 0 || this.#phase === 'running'
  }

  /** Whether its weights are the ones in use on the page. */
  get isShown(): boolean {
    return this.#session.model?.network === this.#run.network
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

  get #state(): ModelState {
    this.#learnt ??= stateOf(initialParameters(this.#run.network, this.settings.seed))
    return this.#learnt
  }

  /** Puts the run's present weights in use on the page. */
  show(): Promise<void> {
    return this.#session.use({ network: this.#run.network, state: this.#state, name: this.name })
  }

  /** The file of a checkpoint of what it has learnt so far. */
  async checkpoint(): Promise<Blob> {
    const bytes = (await this.#run.toCheckpoint(this.#state)) as Uint8Array<ArrayBuffer>
    return new Blob([bytes], { type: 'application/octet-stream' })
  }

  /**
   * Trains to the last epoch, or through one, or until `pause`. Resolves when the workers are free again;
   * rejects with what went wrong. The weights before are then still in use.
   *
   * @param changes what may change while a run goes on: its last epoch, and what computes it
   */
  async start(
    untilEndOfEpoch: boolean,
    changes: Pick<Settings, 'epochs' | 'threads' | 'device'> = this.#settings,
  ): Promise<void> {
    const { epochs, threads, device } = changes
    if (epochs !== this.settings.epochs) this.#run = this.#run.continued({ epochs })
    this.#settings = { ...this.settings, epochs, threads, device }
    this.#stop = new AbortController()
    this.#sha256 = undefined
    this.#ticks = []
    this.#setPhase('preparing')
    try {
      const [test, training] = await Promise.all([this.#session.testSet(), this.#trainingSet()])
      const { network } = this.#run
      if (!this.isShown) await this.show()
      this.#engine = await createBrowserEngine(network, { device, threads })
      this.#info = this.#engine.info
      if (!this.#stop.signal.aborted) this.#setPhase('running')
      await this.#train(this.#engine, { train: training, test }, untilEndOfEpoch)
      this.#learnt = await this.#engine.readState()
      await this.#session.update(network, this.#state)
      this.#sha256 = await parametersSha256(this.#state.parameters)
      this.#setPhase(this.history.length === this.settings.epochs ? 'finished' : 'paused')
      if (this.hasBegun) this.#listener.onProgress(this)
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
      onEpoch: async () => {
        this.#epochFraction = 0
        this.#ticks = []
        if (untilEndOfEpoch) this.#stop.abort()
        this.#learnt = await engine.readState()
        await nextTask()
        this.#listener.onProgress(this)
        this.#listener.onChange()
      },
    })
  }

  async #trainingSet(): Promise<ImageSet> {
    const set = await this.#session.trainingSet((receivedBytes, totalBytes) => {
      const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
      this.#loading = `Loading the training digits, ${megabytes(receivedBytes)}${totalBytes ? ` of ${megabytes(totalBytes)}` : ''} MB`
      this.#listener.onChange()
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
    this.#listener.onChange()
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
    await nextTask()
    // Not awaited: training goes on while the panels catch up. A failure would meet the update at the end
    // again.
    this.#session
      .update(this.#run.network, state)
      .catch(() => undefined)
      .finally(() => {
        this.#isUpdating = false
      })
  }

  #setPhase(phase: Phase): void {
    this.#phase = phase
    this.#listener.onChange()
  }
}
