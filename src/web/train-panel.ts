/** Panel 1: a training run, from its settings to the digits that get better. */
import { deadLatentUnits, type ImageSet, MNIST_PIXELS, selectImages } from '../browser.ts'
import { drawLossChart } from './chart.ts'
import { byId, element, LatestOnly } from './dom.ts'
import { Hourglass } from './hourglass.ts'
import { errorMessage } from './notices.ts'
import type { Panel, Report } from './panel.ts'
import { intensities, row, showGrid } from './picture.ts'
import { TrainingRun } from './run.ts'
import type { Session } from './session.ts'
import type { Settings } from './settings.ts'
import { TRAINING_IMAGES } from './settings.ts'
import type { SettingsForm } from './settings-form.ts'

const COLUMNS = 10
/** Two of every digit. */
const SHOWN_OF_EACH = 2

/** Indices of the first test images of every digit: 0 … 9, then again. */
function shownIndices(set: ImageSet): number[] {
  return Array.from({ length: SHOWN_OF_EACH }, (_, turn) =>
    Array.from({ length: COLUMNS }, (_, digit) => {
      let found = -1
      for (let seen = 0; seen <= turn; seen++) found = set.labels.indexOf(digit, found + 1)
      return found
    }),
  ).flat()
}

export class TrainPanel implements Panel {
  readonly #session: Session
  readonly #form: SettingsForm
  readonly #report: Report
  readonly #glass = new Hourglass(byId('glass', SVGSVGElement))
  readonly #latest = new LatestOnly()
  #run: TrainingRun
  #isVisible = false
  #frame = 0
  #gridImages: ArrayLike<number>[] = []

  readonly pictures = {
    loss: async () => {
      const canvas = document.createElement('canvas')
      const { settings, batchPoints, history } = this.#run
      drawLossChart(canvas, settings.epochs, batchPoints, history, { width: 900, height: 420 })
      return canvas
    },
    grid: async () => {
      await this.#computeGrid()
      const canvas = document.createElement('canvas')
      showGrid(canvas, this.#gridImages, COLUMNS, { scale: 4, gap: 4 })
      return canvas
    },
  }

  constructor(session: Session, form: SettingsForm, settings: Settings, report: Report) {
    this.#session = session
    this.#form = form
    this.#report = report
    this.#run = this.#newRun(settings)
    byId('settings', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      if (this.#run.isActive) this.#run.pause()
      else void this.#start(false)
    })
    byId('step', HTMLButtonElement).addEventListener('click', () => void this.#start(true))
    byId('reset', HTMLButtonElement).addEventListener('click', () => void this.#reset())
    session.onChange((change) => {
      if (change === 'model') this.#drawModel()
      if (this.#isVisible) this.#refreshDigits()
    })
    if (settings.limit < TRAINING_IMAGES) {
      byId('limit-help', HTMLSpanElement).textContent =
        `This link trains on the first ${settings.limit.toLocaleString('en')} of 60,000 digits only.`
    }
    this.#draw()
  }

  get run(): TrainingRun {
    return this.#run
  }

  /** Follows the form: other settings make another run, unless one is under way. */
  settingsChanged(settings: Settings): void {
    const { phase } = this.#run
    if (phase === 'ready') this.#run = this.#newRun(settings)
    else if (!this.#run.isActive) this.#status('These settings take effect after Reset.')
    this.#drawSoon()
  }

  show(): void {
    this.#isVisible = true
    this.#draw()
    this.#refreshDigits()
  }

  hide(): void {
    this.#isVisible = false
  }

  /** Draws everything again, after the theme or the size of the window has changed. */
  redraw(): void {
    if (!this.#isVisible) return
    this.#draw()
    this.#refreshDigits()
  }

  #newRun(settings: Settings): TrainingRun {
    return new TrainingRun(this.#session, settings, () => this.#drawSoon())
  }

  async #start(untilEndOfEpoch: boolean): Promise<void> {
    const settings = this.#form.read()
    if (!settings) return
    const { phase } = this.#run
    if (phase === 'finished' || phase === 'failed' || phase === 'ready') this.#run = this.#newRun(settings)
    try {
      await this.#run.start(untilEndOfEpoch)
    } catch (error) {
      this.#status(errorMessage(error))
      this.#report(error)
    }
  }

  async #reset(): Promise<void> {
    const settings = this.#form.read()
    if (!settings || this.#run.isActive) return
    this.#run = this.#newRun(settings)
    this.#draw()
    try {
      await this.#run.show()
    } catch (error) {
      this.#report(error)
    }
  }

  #drawSoon(): void {
    if (this.#frame) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      this.#draw()
    })
  }

  #draw(): void {
    const run = this.#run
    const { phase } = run
    const start = byId('start', HTMLButtonElement)
    start.textContent = run.isActive ? 'Pause' : phase === 'paused' ? 'Go on' : 'Start'
    start.disabled = phase === 'pausing'
    byId('step', HTMLButtonElement).disabled = run.isActive
    byId('reset', HTMLButtonElement).disabled = run.isActive
    this.#form.setDisabled(run.isActive)
    document.body.dataset.phase = phase
    if (phase !== 'failed') this.#status(this.#statusText())
    this.#glass.setRunning(phase === 'running')
    this.#glass.setSand(phase === 'finished' ? 1 : run.epochFraction)
    this.#drawReadings()
    if (this.#isVisible) {
      const { settings, batchPoints, history } = run
      drawLossChart(byId('loss-chart', HTMLCanvasElement), settings.epochs, batchPoints, history)
    }
  }

  #statusText(): string {
    const { phase, loading, history, settings } = this.#run
    switch (phase) {
      case 'ready':
        return 'Ready.'
      case 'preparing':
        return loading ? `${loading} …` : 'Preparing …'
      case 'running':
        return `Training, epoch ${history.length + 1} of ${settings.epochs}.`
      case 'pausing':
        return 'Finishing the step …'
      case 'paused':
        return `Paused in epoch ${Math.min(history.length + 1, settings.epochs)}; the workers are free.`
      case 'finished':
        return `Finished ${history.length} epochs.`
      case 'failed':
        return 'Failed.'
    }
  }

  #drawReadings(): void {
    const run = this.#run
    const last = run.history.at(-1)
    const live = run.batchPoints.at(-1)
    const text = (id: string, value: string | undefined) => {
      byId(id, HTMLElement).textContent = value ?? '–'
    }
    const hasBegun = last !== undefined || live !== undefined || run.epochFraction > 0
    const under = Math.min(run.history.length + run.epochFraction, run.settings.epochs)
    text('read-epoch', hasBegun ? `${under.toFixed(1)} / ${run.settings.epochs}` : undefined)
    text(
      'read-speed',
      run.imagesPerSecond === undefined ? undefined : Math.round(run.imagesPerSecond).toLocaleString('en'),
    )
    text('read-train', (last?.trainLoss ?? live?.loss)?.toFixed(5))
    text('read-test', last?.testLoss?.toFixed(5))
    const info = run.engineInfo
    const threads = info && (info.threads === 1 ? '1 thread' : `${info.threads} threads`)
    text('fact-device', info && `${info.device}, ${threads}, ${info.arithmetic}`)
    text('fact-lr', hasBegun ? String(Number(run.learningRate.toPrecision(3))) : undefined)
    text('fact-sha', run.sha256)
  }

  #drawModel(): void {
    const { model } = this.#session
    if (!model) return
    const { layers } = model.network
    this.#glass.drawNetwork([layers[0].inputs, ...layers.map((layer) => layer.outputs)])
    this.#glass.setRunning(this.#run.phase === 'running')
  }

  #refreshDigits(): void {
    if (!this.#session.model) return
    this.#latest.run(async () => {
      try {
        await this.#computeGrid()
        showGrid(byId('train-grid', HTMLCanvasElement), this.#gridImages, COLUMNS)
        await this.#drawUnits()
      } catch (error) {
        this.#report(error)
      }
    })
  }

  async #computeGrid(): Promise<void> {
    const test = await this.#session.testSet()
    const { rows: images } = selectImages(test, shownIndices(test))
    const outputs = await this.#session.infer((engine) => engine.forward(images))
    this.#gridImages = Array.from({ length: SHOWN_OF_EACH }, (_, band) => {
      const positions = Array.from({ length: COLUMNS }, (_, i) => band * COLUMNS + i)
      return [
        ...positions.map((i) => intensities(row(images, i, MNIST_PIXELS))),
        ...positions.map((i) => row(outputs, i, MNIST_PIXELS)),
      ]
    }).flat()
  }

  async #drawUnits(): Promise<void> {
    const { count, z, values } = await this.#session.codes()
    const dead = new Set(deadLatentUnits(values, z))
    const units = byId('units', HTMLDivElement)
    units.replaceChildren(
      ...Array.from({ length: z }, (_, unit) =>
        element('span', {
          className: dead.has(unit) ? 'unit' : 'unit active',
          title: `Unit ${unit + 1}: ${dead.has(unit) ? 'never fires' : 'active'}`,
        }),
      ),
    )
    const summary = `${z - dead.size} of ${z} latent units are active`
    units.setAttribute('aria-label', summary)
    const loss =
      dead.size > 0
        ? '. A hollow one is 0 for every one of these digits and most likely stays so: try another seed'
        : ''
    byId('units-text', HTMLParagraphElement).textContent =
      `${summary} (on ${count.toLocaleString('en')} test digits)${loss}.`
  }

  #status(text: string): void {
    byId('train-status', HTMLParagraphElement).textContent = text
  }
}
