/** Panel 4: weights in, weights and pictures out. */
import { historyToCsv, parameterCount, UsageError, writeModel, writeOnnx } from '../browser.ts'
import { loadPretrained } from './beside.ts'
import { byId, setText } from './dom.ts'
import type { Model } from './model.ts'
import { readModelFile } from './model-files.ts'
import { errorMessage, notice } from './notices.ts'
import type { Panel, Report } from './panel.ts'
import type { TrainingRun } from './run.ts'
import { downloadFile } from './save.ts'
import type { Session } from './session.ts'
import type { TrainPanel } from './train-panel.ts'
import { epochsText, thousands } from './words.ts'

/** Whatever else is dropped is taken for data. */
const WEIGHTS_NAME = /\.(pth|pt|safetensors|onnx)$/i

export class FilesPanel implements Panel {
  readonly pictures = {}
  readonly #session: Session
  readonly #report: Report
  readonly #trainPanel: TrainPanel
  #isVisible = false

  /** `trainPanel` has the run that is to be saved, and that must not be training when a file is opened. */
  constructor(session: Session, trainPanel: TrainPanel, report: Report) {
    this.#session = session
    this.#trainPanel = trainPanel
    this.#report = report
    const input = byId('file-input', HTMLInputElement)
    input.addEventListener('change', () => {
      const [file] = input.files ?? []
      if (file) void this.#open(file)
      // So that choosing the same file again is a change.
      input.value = ''
    })
    byId('pretrained', HTMLButtonElement).addEventListener('click', () => {
      void this.#take(async () => this.#show(await loadPretrained()))
    })
    for (const button of document.querySelectorAll<HTMLButtonElement>('[data-download]')) {
      button.addEventListener('click', () => {
        this.#download(button.dataset.download ?? '').catch(this.#report)
      })
    }
    session.onChange(() => this.#refresh())
  }

  show(): void {
    this.#isVisible = true
    this.#refresh()
  }

  hide(): void {
    this.#isVisible = false
  }

  /** There is nothing drawn here. */
  redraw(): void {}

  /** Opens what was dropped, if its name is that of weights; else says that it is not for this panel. */
  takes({ files }: DataTransfer): boolean {
    const [file] = files
    if (files.length !== 1 || !WEIGHTS_NAME.test(file.name)) return false
    void this.#open(file)
    return true
  }

  async #open(file: File): Promise<void> {
    await this.#take(async () => {
      const { model, checkpoint, warnings } = await readModelFile(file)
      for (const warning of warnings) this.#report(new UsageError(warning))
      if (!checkpoint) return this.#show(model)
      await this.#trainPanel.open(checkpoint, file.name)
      return `${file.name} is ${runText(this.#trainPanel.run)}`
    })
  }

  /** Puts a model in use; a run that is under way pauses and stays. */
  async #show(model: Model): Promise<string> {
    this.#trainPanel.run.pause()
    await this.#session.use(model)
    return `${model.name} is in use`
  }

  /** Opens something, and says what came of it: here, and above the panels where another is in view. */
  async #take(open: () => Promise<string>): Promise<void> {
    const status = byId('file-status', HTMLParagraphElement)
    const problem = byId('file-problem', HTMLParagraphElement)
    problem.textContent = ''
    status.textContent = 'Reading …'
    try {
      const done = await open()
      status.textContent = `${done}.`
      if (!this.#isVisible) notice(`${done}.`)
      const mse = await this.#session.testMse()
      status.textContent = `${done}: test MSE ${mse.toFixed(6)}.`
    } catch (error) {
      status.textContent = ''
      const text = `${errorMessage(error)}. The model before stays in use.`
      problem.textContent = text
      if (!this.#isVisible) notice(text, 'bad')
    }
  }

  async #download(kind: string): Promise<void> {
    const { model } = this.#session
    const { run } = this.#trainPanel
    const needsRun = kind === 'csv' || kind === 'checkpoint'
    if (needsRun && run.history.length === 0) {
      throw new UsageError('There is nothing of a run yet: train for at least one epoch.')
    }
    if (kind === 'csv') {
      const type = 'text/csv'
      downloadFile('hourglass-loss.csv', new Blob([historyToCsv(run.history)], { type }))
      return
    }
    if (kind === 'checkpoint') {
      downloadFile(`hourglass-z${run.settings.z}.checkpoint.safetensors`, await run.checkpoint())
      return
    }
    if (!model) throw new UsageError('There is no model yet.')
    const { network, state } = model
    const file = `hourglass-z${this.#session.z}.${kind}`
    const bytes =
      kind === 'onnx'
        ? writeOnnx(network, state.parameters).bytes
        : writeModel({ network, parameters: state.parameters }, file)
    downloadFile(file, new Blob([new Uint8Array(bytes)], { type: 'application/octet-stream' }))
  }

  #refresh(): void {
    const { model, z } = this.#session
    if (!this.#isVisible || !model) return
    const text = (id: string, value: string) => setText(byId(id, HTMLElement), value)
    const { layers } = model.network
    const input = layers[0].inputs
    text('about-name', model.name)
    text('about-layers', [input, ...layers.map((layer) => layer.outputs)].join(' → '))
    text('about-parameters', thousands(parameterCount(model.network)))
    text('about-compression', `${input} numbers to ${z}, ${Math.round(input / z)} : 1`)
    const { run } = this.#trainPanel
    if (run.isActive && run.isShown) {
      // Training measures after each epoch anyway; to measure here as well would cost it a fifth of its
      // speed.
      const measured = run.history.at(-1)?.testLoss
      text('about-mse', measured === undefined ? 'after the first epoch' : measured.toFixed(6))
      return
    }
    text('about-mse', 'measuring …')
    const { version } = this.#session
    this.#session.testMse().then(
      (mse) => {
        if (version === this.#session.version) text('about-mse', mse.toFixed(6))
      },
      (error: unknown) => {
        text('about-mse', '–')
        this.#report(error)
      },
    )
  }
}

/** How far an opened run is, and how it goes on. */
function runText({ phase, history, settings }: TrainingRun): string {
  const done = history.length
  if (phase === 'finished')
    return `a run that has ended after ${epochsText(done)}, and goes on in Train if Epochs is raised`
  return `a run after ${done} of ${epochsText(settings.epochs)}, and goes on in Train`
}
