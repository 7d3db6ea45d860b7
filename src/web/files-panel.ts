/** Panel 4: weights in, weights and pictures out. */
import { historyToCsv, parameterCount, UsageError, writeModel, writeOnnx } from '../browser.ts'
import { byId } from './dom.ts'
import { loadPretrained, readModelFile } from './model-files.ts'
import { errorMessage } from './notices.ts'
import type { Panel, Report } from './panel.ts'
import type { TrainingRun } from './run.ts'
import { downloadFile } from './save.ts'
import type { Model, Session } from './session.ts'

export class FilesPanel implements Panel {
  readonly pictures = {}
  readonly #session: Session
  readonly #report: Report
  readonly #currentRun: () => TrainingRun
  readonly #drop = byId('drop', HTMLLabelElement)
  #isVisible = false

  /** `currentRun`: the run whose history is to be saved, and which must not be training when a file is opened. */
  constructor(session: Session, currentRun: () => TrainingRun, report: Report) {
    this.#session = session
    this.#currentRun = currentRun
    this.#report = report
    const input = byId('file-input', HTMLInputElement)
    input.addEventListener('change', () => {
      const [file] = input.files ?? []
      if (file) void this.#open(file)
      // So that choosing the same file again is a change.
      input.value = ''
    })
    this.#listenToDrops()
    byId('pretrained', HTMLButtonElement).addEventListener('click', () => void this.#openPretrained())
    for (const button of document.querySelectorAll<HTMLButtonElement>('[data-download]')) {
      button.addEventListener('click', () => this.#download(button.dataset.download ?? ''))
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

  /** A file may be dropped anywhere on the page; the frame in the panel shows where. */
  #listenToDrops(): void {
    addEventListener('dragover', (event) => {
      event.preventDefault()
      this.#drop.classList.add('over')
    })
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) this.#drop.classList.remove('over')
    })
    addEventListener('drop', (event) => {
      event.preventDefault()
      this.#drop.classList.remove('over')
      const file = event.dataTransfer?.files[0]
      if (file) void this.#open(file)
    })
  }

  async #open(file: File): Promise<void> {
    await this.#take(async () => {
      const { model, warnings } = await readModelFile(file)
      for (const warning of warnings) this.#report(new UsageError(warning))
      return model
    })
  }

  async #openPretrained(): Promise<void> {
    await this.#take(loadPretrained)
  }

  async #take(load: () => Promise<Model>): Promise<void> {
    const status = byId('file-status', HTMLParagraphElement)
    const problem = byId('file-problem', HTMLParagraphElement)
    problem.textContent = ''
    status.textContent = 'Reading …'
    try {
      const model = await load()
      this.#currentRun().pause()
      await this.#session.use(model)
      status.textContent = `${model.name} is in use.`
      const mse = await this.#session.testMse()
      status.textContent = `${model.name} is in use: test MSE ${mse.toFixed(6)}.`
    } catch (error) {
      status.textContent = ''
      problem.textContent = `${errorMessage(error)}. The model before stays in use.`
    }
  }

  #download(kind: string): void {
    try {
      const { model } = this.#session
      const { history } = this.#currentRun()
      if (kind === 'csv') {
        if (history.length === 0) {
          throw new UsageError('There is no loss history yet: train for at least one epoch.')
        }
        downloadFile('hourglass-loss.csv', new Blob([historyToCsv(history)], { type: 'text/csv' }))
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
    } catch (error) {
      this.#report(error)
    }
  }

  #refresh(): void {
    const { model, z } = this.#session
    if (!this.#isVisible || !model) return
    const text = (id: string, value: string) => {
      byId(id, HTMLElement).textContent = value
    }
    const { layers } = model.network
    const input = layers[0].inputs
    text('about-name', model.name)
    text('about-layers', [input, ...layers.map((layer) => layer.outputs)].join(' → '))
    text('about-parameters', parameterCount(model.network).toLocaleString('en'))
    text('about-compression', `${input} numbers to ${z}, ${Math.round(input / z)} : 1`)
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
