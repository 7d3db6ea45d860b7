/** Panel 1: a training run, from its settings to the digits that get better. */
import { deadLatentUnits, MNIST_PIXELS } from '../browser.ts'
import { drawLossChart } from './chart.ts'
import { KINDS, oneOfEach } from './digits.ts'
import { byId, element, LatestOnly, nextTask, setText } from './dom.ts'
import { Hourglass } from './hourglass.ts'
import { errorMessage, notice } from './notices.ts'
import type { Panel, Report } from './panel.ts'
import { intensities, row, showGrid } from './picture.ts'
import { type RunListener, TrainingRun } from './run.ts'
import type { Session } from './session.ts'
import { CHOICE_SETTINGS, NUMBER_SETTINGS, type Settings, settingLabel, TRAINING_IMAGES } from './settings.ts'
import type { SettingsForm } from './settings-form.ts'
import { UnitRows } from './unit-rows.ts'
import { epochsText, thousands } from './words.ts'

const COLUMNS = KINDS
/** Two of every digit. */
const SHOWN_OF_EACH = 2

/** What a run that goes on may be given anew: its last epoch, and what computes it to the same bits. */
const MAY_CHANGE: readonly (keyof Settings)[] = ['epochs', 'threads']

export class TrainPanel implements Panel {
  readonly #session: Session
  readonly #form: SettingsForm
  readonly #report: Report
  readonly #listener: RunListener
  readonly #onLinked: () => void
  readonly #glass = new Hourglass(byId('glass', SVGSVGElement))
  readonly #units: UnitRows
  readonly #latest = new LatestOnly()
  #run: TrainingRun
  /** Those of the form, as far as all can be used. */
  #wanted: Settings
  #isVisible = false
  #frame = 0
  #gridImages: ArrayLike<number>[] = []
  /** What the chart that stands was drawn of. */
  #drawnChart: readonly unknown[] = []

  readonly pictures = {
    loss: async () => {
      const canvas = document.createElement('canvas')
      const { settings, batchPoints, history } = this.#run
      drawLossChart(canvas, settings.epochs, batchPoints, history, { width: 900, height: 420 })
      return {
        canvas,
        title: 'Loss while training',
        detail: `mean squared error per pixel · ${describeSettings(settings)}`,
        legend: [
          { color: 'sand', label: 'training' },
          { color: 'slate', label: 'test' },
        ],
      }
    },
    grid: async () => {
      await this.#computeGrid()
      const canvas = document.createElement('canvas')
      showGrid(canvas, this.#gridImages, COLUMNS, { scale: 4, gap: 4 })
      return {
        canvas,
        title: 'Test digits above, reconstructions below',
        detail: this.#session.describe(),
      }
    },
    units: () => this.#units.picture(),
  }

  /**
   * @param onProgress told when an epoch is done or the run has stopped, so that it can be kept
   * @param onLinked told when `linked` may have changed
   */
  constructor(
    session: Session,
    form: SettingsForm,
    settings: Settings,
    report: Report,
    onProgress: (run: TrainingRun) => void,
    onLinked: () => void,
  ) {
    this.#session = session
    this.#onLinked = onLinked
    this.#form = form
    this.#report = report
    this.#units = new UnitRows(session)
    this.#listener = { onChange: () => this.#drawSoon(), onProgress }
    this.#wanted = settings
    this.#run = this.#newRun(settings)
    byId('settings', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      if (this.#run.isActive) this.#run.pause()
      else void this.#start(false)
    })
    byId('step', HTMLButtonElement).addEventListener('click', () => {
      if (!this.#run.isActive) void this.#start(true)
    })
    byId('reset', HTMLButtonElement).addEventListener('click', () => {
      if (!this.#run.isActive) void this.#reset()
    })
    session.onChange((change) => {
      if (change === 'model') this.#drawModel()
      if (this.#isVisible) this.#refreshDigits()
      this.#drawSoon()
    })
    this.#draw()
  }

  get run(): TrainingRun {
    return this.#run
  }

  /** The settings that a link is to repeat: of the run once it has begun, until then the form's. */
  get linked(): Settings {
    return this.#run.phase === 'ready' ? this.#wanted : this.#run.settings
  }

  /** Follows the form: other settings make another run, unless this one has begun. */
  settingsChanged(settings: Settings): void {
    this.#wanted = settings
    if (this.#run.phase === 'ready') this.#run = this.#newRun(settings)
    this.#onLinked()
    this.#drawSoon()
  }

  /** Takes up the run of a checkpoint; Go on then trains it further. */
  async open(checkpoint: Parameters<typeof TrainingRun.from>[1], file: string): Promise<void> {
    this.#run.pause()
    this.#run = TrainingRun.from(this.#session, checkpoint, file, this.#wanted, this.#listener)
    this.#wanted = this.#run.settings
    this.#form.show(this.#run.settings)
    this.#onLinked()
    await this.#run.show()
    this.#draw()
  }

  show(): void {
    this.#isVisible = true
    this.redraw()
  }

  hide(): void {
    this.#isVisible = false
  }

  /** Draws everything again, after the theme or the size of the window has changed. */
  redraw(): void {
    if (!this.#isVisible) return
    this.#drawnChart = []
    this.#draw()
    this.#refreshDigits()
  }

  #newRun(settings: Settings): TrainingRun {
    return TrainingRun.begin(this.#session, settings, this.#listener)
  }

  /** Labels of the settings in the form that this run cannot take up. */
  #pending(): string[] {
    const { settings } = this.#run
    const names = [...NUMBER_SETTINGS, ...CHOICE_SETTINGS]
    return names
      .filter((name) => this.#wanted[name] !== settings[name])
      .filter((name) => !MAY_CHANGE.includes(name) || (name === 'epochs' && !this.#canGoOn()))
      .map(settingLabel)
  }

  /** Whether the run has an epoch left to do, with the form's number of them. */
  #canGoOn(): boolean {
    const { phase, history } = this.#run
    return (phase === 'paused' || phase === 'finished') && this.#wanted.epochs > history.length
  }

  /** Whether Start goes on with this run rather than begin another. */
  #goesOn(): boolean {
    if (this.#run.phase === 'paused') return true
    return this.#canGoOn() && this.#pending().length === 0
  }

  async #start(untilEndOfEpoch: boolean): Promise<void> {
    const settings = this.#form.read()
    if (!settings) return
    this.#wanted = settings
    const goesOn = this.#goesOn()
    if (!goesOn) this.#run = this.#newRun(settings)
    const epochs = this.#canGoOn() ? settings.epochs : this.#run.settings.epochs
    const changes = { epochs, threads: settings.threads, device: this.#run.settings.device }
    try {
      const training = this.#run.start(untilEndOfEpoch, changes)
      this.#onLinked()
      await training
      this.#warnOfSlowGpu()
    } catch (error) {
      this.#status(errorMessage(error))
      this.#report(error)
    }
  }

  /** A GPU that a program imitates is far slower than the CPU: nobody should take it for WebGPU's speed. */
  #warnOfSlowGpu(): void {
    const info = this.#run.engineInfo
    if (info?.device !== 'webgpu' || !/swiftshader|llvmpipe|software/i.test(info.arithmetic)) return
    notice(
      'This GPU is imitated on the processor and many times slower than the CPU itself: choose CPU as device.',
    )
  }

  async #reset(): Promise<void> {
    const settings = this.#form.read()
    if (!settings) return
    this.#wanted = settings
    this.#run = this.#newRun(settings)
    this.#onLinked()
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
    setText(start, run.isActive ? 'Pause' : this.#goesOn() ? 'Go on' : 'Start')
    start.setAttribute('aria-disabled', String(phase === 'pausing'))
    for (const id of ['step', 'reset']) {
      byId(id, HTMLButtonElement).setAttribute('aria-disabled', String(run.isActive))
    }
    this.#form.setLocked(run.isActive)
    document.body.dataset.phase = phase
    if (phase !== 'failed') this.#status(this.#statusText())
    setText(byId('settings-pending', HTMLParagraphElement), this.#pendingText())
    setText(byId('limit-help', HTMLSpanElement), limitText(this.linked))
    this.#glass.setRunning(phase === 'running')
    this.#glass.setSand(phase === 'finished' ? 1 : run.epochFraction)
    this.#drawReadings()
    if (this.#isVisible) this.#drawChart()
  }

  /** Only where it would look otherwise: readings move five times a second, losses come once. */
  #drawChart(): void {
    const { settings, batchPoints, history } = this.#run
    const canvas = byId('loss-chart', HTMLCanvasElement)
    const { clientWidth, clientHeight } = canvas
    const drawn = [this.#run, settings.epochs, batchPoints.length, history.length, clientWidth, clientHeight]
    if (drawn.every((value, i) => value === this.#drawnChart[i])) return
    this.#drawnChart = drawn
    drawLossChart(canvas, settings.epochs, batchPoints, history)
  }

  #pendingText(): string {
    const { phase } = this.#run
    if (phase === 'ready' || this.#run.isActive) return ''
    const names = this.#pending()
    if (names.length === 0) return ''
    const what = `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} not this run's.`
    return phase === 'paused'
      ? `${what} Go on keeps the run's own; Reset begins one with yours.`
      : `${what} Start begins a run with yours.`
  }

  #statusText(): string {
    const { phase, loading, history, settings } = this.#run
    const done = history.length
    const epochs = epochsText(done)
    switch (phase) {
      case 'ready':
        return 'Ready.'
      case 'preparing':
        return loading ? `${loading} …` : 'Preparing …'
      case 'running':
        return `Training, epoch ${done + 1} of ${settings.epochs}.`
      case 'pausing':
        return 'Finishing the step …'
      case 'paused':
        return `Paused in epoch ${Math.min(done + 1, settings.epochs)} of ${settings.epochs}.${this.#otherModel()}`
      case 'finished':
        return `Finished ${epochs}.${this.#otherModel()}`
      case 'failed':
        return 'Failed.'
    }
  }

  /** Says so where the digits below are another model's. */
  #otherModel(): string {
    const { model } = this.#session
    return !model || this.#run.isShown ? '' : ` The digits are those of ${model.name}.`
  }

  #drawReadings(): void {
    const run = this.#run
    const last = run.history.at(-1)
    const live = run.batchPoints.at(-1)
    const text = (id: string, value: string | undefined) => setText(byId(id, HTMLElement), value ?? '–')
    const hasBegun = last !== undefined || live !== undefined || run.epochFraction > 0
    const under = Math.min(run.history.length + run.epochFraction, run.settings.epochs)
    text('read-epoch', hasBegun ? `${under.toFixed(1)} / ${run.settings.epochs}` : undefined)
    text(
      'read-speed',
      run.imagesPerSecond === undefined ? undefined : thousands(Math.round(run.imagesPerSecond)),
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
    const { layers, codeLayer } = model.network
    this.#glass.drawNetwork([layers[0].inputs, ...layers.map((layer) => layer.outputs)], codeLayer + 1)
    this.#glass.setRunning(this.#run.phase === 'running')
  }

  #refreshDigits(): void {
    const { model } = this.#session
    if (!model) return
    this.#latest.run(async () => {
      try {
        await this.#computeGrid()
        showGrid(byId('train-grid', HTMLCanvasElement), this.#gridImages, COLUMNS)
        setText(byId('grid-of', HTMLSpanElement), `above, reconstructions below · ${model.name}`)
        await nextTask()
        await this.#drawUnits()
        await nextTask()
        await this.#units.refresh()
      } catch (error) {
        this.#report(error)
      }
    })
  }

  async #computeGrid(): Promise<void> {
    const { rows: images } = oneOfEach(await this.#session.firstDigits(), SHOWN_OF_EACH)
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
          title: `Unit ${unit + 1}: ${dead.has(unit) ? 'silent on these digits' : 'active'}`,
        }),
      ),
    )
    const summary = `${z - dead.size} of ${z} latent units are active`
    units.setAttribute('aria-label', summary)
    const loss =
      dead.size > 0
        ? '. A hollow one is 0 for every one of these digits and carries nothing; it may come back, ' +
          'and another seed may keep it'
        : ''
    setText(
      byId('units-text', HTMLParagraphElement),
      `${summary} (on ${thousands(count)} test digits)${loss}.`,
    )
  }

  #status(text: string): void {
    setText(byId('train-status', HTMLParagraphElement), text)
  }
}

/** What no field of the form says. */
function limitText({ limit }: Settings): string {
  if (limit === TRAINING_IMAGES) return ''
  return `Trains on the first ${thousands(limit)} of ${thousands(TRAINING_IMAGES)} digits only.`
}

/** Settings of a run in one line under a picture. */
function describeSettings({ z, epochs, batch, lr, noise, seed }: Settings): string {
  const noisy = noise > 0 ? `, noise ${noise}` : ''
  return `z ${z}, ${epochsText(epochs)} of batch ${batch}, rate ${lr}${noisy}, seed ${seed}`
}
