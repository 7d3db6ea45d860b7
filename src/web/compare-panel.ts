/**
 * Panel: three necks side by side, trained one after the other on the same digits; and a race of one thread,
 * all threads and the GPU over the same steps. A client of the library, as any program is.
 */
import { Autoencoder, type ImageSet, limitImages, MNIST_PIXELS } from '../browser.ts'
import { KINDS, oneOfEach } from './digits.ts'
import { byId, element, setText } from './dom.ts'
import type { Panel, Picture, Report } from './panel.ts'
import { intensities, row, showGrid } from './picture.ts'
import type { Session } from './session.ts'
import { TRAINING_IMAGES } from './settings.ts'
import type { TrainPanel } from './train-panel.ts'
import { thousands } from './words.ts'

const NECKS = [2, 8, 32] as const
const EPOCHS = 3
/** Images of a race: a few seconds on one thread. */
const RACED = 15_000

interface Runner {
  readonly label: string
  readonly device: 'wasm' | 'webgpu'
  readonly threads: number
}

export class ComparePanel implements Panel {
  readonly #session: Session
  readonly #trainPanel: TrainPanel
  readonly #report: Report
  readonly #start = byId('compare-start', HTMLButtonElement)
  readonly #race = byId('race-start', HTMLButtonElement)
  readonly #status = byId('compare-status', HTMLParagraphElement)
  readonly #raceStatus = byId('race-status', HTMLParagraphElement)
  #stop: AbortController | undefined
  #images: ArrayLike<number>[] = []
  #errors: string[] = []

  readonly pictures = {
    compare: async (): Promise<Picture> => {
      const canvas = document.createElement('canvas')
      showGrid(canvas, this.#images, KINDS, { scale: 3, gap: 4 })
      return {
        canvas,
        title: 'The same digits through three necks',
        detail: this.#errors.length > 0 ? this.#errors.join(' · ') : 'originals alone: press Compare first',
      }
    },
  }

  constructor(session: Session, trainPanel: TrainPanel, report: Report) {
    this.#session = session
    this.#trainPanel = trainPanel
    this.#report = report
    byId('compare-rows', HTMLOListElement).append(
      ...NECKS.map((z) => element('li', { textContent: `z = ${z}` })),
    )
    this.#start.addEventListener('click', () => void this.#toggle(this.#status, () => this.#compare()))
    this.#race.addEventListener('click', () => void this.#toggle(this.#raceStatus, () => this.#runRace()))
  }

  show(): void {
    const { limit } = this.#trainPanel.linked
    const which = limit < TRAINING_IMAGES ? 'the first' : 'all'
    setText(byId('compare-digits', HTMLSpanElement), `${which} ${thousands(limit)} digits`)
    if (this.#images.length === 0) this.#showOriginals().catch(this.#report)
  }

  /** What is under way stops: its numbers would be of a machine that does something else. */
  hide(): void {
    this.#stop?.abort()
  }

  redraw(): void {
    this.#drawGrid()
  }

  /** Starts one of the two, or stops what is under way. */
  async #toggle(status: HTMLElement, work: () => Promise<void>): Promise<void> {
    if (this.#stop) {
      this.#stop.abort()
      return
    }
    if (this.#trainPanel.run.isActive) {
      setText(status, 'A run is under way: pause it first, or both are slow.')
      return
    }
    this.#stop = new AbortController()
    setText(this.#start, 'Stop')
    setText(this.#race, 'Stop')
    try {
      await work()
    } catch (error) {
      this.#report(error)
    } finally {
      this.#stop = undefined
      setText(this.#start, 'Compare')
      setText(this.#race, 'Race')
    }
  }

  async #shown(): Promise<Uint8Array> {
    return oneOfEach(await this.#session.firstDigits()).rows
  }

  async #showOriginals(): Promise<void> {
    const rows = await this.#shown()
    this.#images = Array.from({ length: KINDS }, (_, i) => intensities(row(rows, i, MNIST_PIXELS)))
    this.#drawGrid()
  }

  async #compare(): Promise<void> {
    await this.#showOriginals()
    this.#errors = []
    for (const z of NECKS) this.#label(z)
    const [digits, all, test] = await Promise.all([
      this.#shown(),
      this.#session.trainingSet(() => setText(this.#status, 'Loading the training digits …')),
      this.#session.testSet(),
    ])
    const train = limitImages(all, Math.min(this.#trainPanel.linked.limit, all.count))
    for (const z of NECKS) {
      const error = await this.#trainNeck(z, { train, test }, digits)
      if (error === undefined) {
        setText(this.#status, 'Stopped.')
        return
      }
      this.#errors.push(`z ${z}: test error ${error.toFixed(4)}`)
      this.#label(z, error.toFixed(4))
    }
    const passes = `${EPOCHS} passes over ${thousands(train.count)} digits each`
    setText(this.#status, `${this.#errors.join(', ')}, after ${passes}.`)
  }

  /** Trains one and shows its digits; undefined where it was stopped. */
  async #trainNeck(
    z: number,
    data: { train: ImageSet; test: ImageSet },
    digits: Uint8Array,
  ): Promise<number | undefined> {
    const { threads, seed } = this.#trainPanel.linked
    const model = await Autoencoder.create({ bottleneck: z, seed, device: 'wasm', threads })
    try {
      const say = (epoch: number) => setText(this.#status, `z ${z}: pass ${epoch} of ${EPOCHS} …`)
      say(1)
      const { epoch, history } = await model.train(data, {
        epochs: EPOCHS,
        signal: this.#stop?.signal,
        onEpoch: (record) => say(Math.min(EPOCHS, record.epoch + 1)),
      })
      if (epoch < EPOCHS) return undefined
      const outputs = await model.reconstruct(digits)
      this.#images.push(...Array.from({ length: KINDS }, (_, i) => row(outputs, i, MNIST_PIXELS)))
      this.#drawGrid()
      return history.at(-1)?.testLoss
    } finally {
      await model.dispose()
    }
  }

  #drawGrid(): void {
    if (this.#images.length === 0) return
    showGrid(byId('compare-grid', HTMLCanvasElement), this.#images, KINDS, { leastRows: 1 + NECKS.length })
  }

  /** Names a row, with its test error once there is one. */
  #label(z: (typeof NECKS)[number], error?: string): void {
    const entry = byId('compare-rows', HTMLOListElement).children[1 + NECKS.indexOf(z)]
    const shown = error === undefined ? [] : [element('small', { textContent: error, title: 'test error' })]
    entry.replaceChildren(`z = ${z}`, ...shown)
  }

  async #runRace(): Promise<void> {
    const { threads, seed } = this.#trainPanel.linked
    const runners: Runner[] = [{ label: '1 thread', device: 'wasm', threads: 1 }]
    if (threads > 1 && crossOriginIsolated) {
      runners.push({ label: `${threads} threads`, device: 'wasm', threads })
    }
    if ('gpu' in navigator) runners.push({ label: 'GPU', device: 'webgpu', threads: 1 })
    const all = await this.#session.trainingSet(() =>
      setText(this.#raceStatus, 'Loading the training digits …'),
    )
    const train = limitImages(all, Math.min(RACED, this.#trainPanel.linked.limit, all.count))
    const list = byId('race', HTMLDListElement)
    list.replaceChildren()
    let fastest = 0
    for (const runner of runners) {
      if (this.#stop?.signal.aborted) return
      setText(this.#raceStatus, `${runner.label} …`)
      const speed = await this.#speed(runner, train, seed)
      if (typeof speed === 'number') fastest = Math.max(fastest, speed)
      addRunner(list, runner.label, speed, fastest)
    }
    setText(
      this.#raceStatus,
      'Images a second in the second pass, for the first warms up. Threads end at the same bits; a GPU has its own.',
    )
  }

  /** Images a second of one runner, or why it cannot run. */
  async #speed({ device, threads }: Runner, train: ImageSet, seed: number): Promise<number | string> {
    let model: Autoencoder
    try {
      model = await Autoencoder.create({ bottleneck: 8, seed, device, threads })
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    try {
      const { history } = await model.train({ train }, { epochs: 2, signal: this.#stop?.signal })
      return history.at(-1)?.imagesPerSecond ?? 'stopped'
    } finally {
      await model.dispose()
    }
  }
}

function addRunner(list: HTMLDListElement, label: string, speed: number | string, fastest: number): void {
  const text = typeof speed === 'number' ? `${thousands(Math.round(speed))} images/s` : speed
  const entry = element('div', {}, [
    element('dt', { textContent: label }),
    element('dd', { textContent: text }),
  ])
  entry.dataset.speed = typeof speed === 'number' ? String(speed) : '0'
  list.append(entry)
  for (const other of list.querySelectorAll<HTMLElement>('div')) {
    other.style.setProperty('--share', String(Number(other.dataset.speed) / Math.max(fastest, 1)))
  }
}
