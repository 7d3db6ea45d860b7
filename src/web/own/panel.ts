/**
 * Panel: a table, an array or a folder of pictures of the visitor's own. It is read, learned and scored in a
 * worker; nothing of it leaves the machine. Loaded when it is first looked at.
 */
import { DEFAULT_CONTAMINATION, type EpochRecord, HourglassError, UsageError } from '../../browser.ts'
import { type PlacedFile, placed } from '../../data/sources/browser.ts'
import { drawLossChart } from '../chart.ts'
import { byId, element, setText } from '../dom.ts'
import { errorMessage } from '../notices.ts'
import type { Panel, Picture, Report } from '../panel.ts'
import { downloadFile } from '../save.ts'
import type { TrainPanel } from '../train-panel.ts'
import { epochsText, rowsText, thousands } from '../words.ts'
import type { OwnCalls } from './calls.ts'
import { OwnClient } from './client.ts'
import { ColumnChoice } from './columns.ts'
import { drawErrorBins } from './error-bins.ts'
import type { Choice, OwnFile, ProposalSummary, ScoredRow, ScoreSummary, Wanted } from './messages.ts'
import { ScoreList } from './score-list.ts'
import { showWorst } from './worst.ts'

/** Of a number field; undefined where it is empty. */
function fieldNumber(id: string, label: string, min: number, max: number): number | undefined {
  const input = byId(id, HTMLInputElement)
  const text = input.value.trim()
  const value = Number(text)
  const isFine = text === '' || (Number.isInteger(value) && value >= min && value <= max)
  input.setAttribute('aria-invalid', String(!isFine))
  if (!isFine) throw new UsageError(`${label}: expected a whole number from ${min} to ${max}, found ${text}.`)
  return text === '' ? undefined : value
}

const SEED = 1
/** Held back where the visitor wants to be judged. */
const VALIDATION = 0.1
/** How long a stop may take before something is said of it. */
const PATIENCE_MS = 10_000
const CHART = { width: 900, height: 320 }

export class OwnPanel implements Panel {
  readonly #trainPanel: TrainPanel
  readonly #report: Report
  readonly #columns: ColumnChoice
  readonly #list: ScoreList
  /** The data in use: what comes of those before is not shown. */
  #client: OwnClient | undefined
  /** Says that a stop takes long. */
  #late: ReturnType<typeof setTimeout> | undefined
  /** Of the data that may take their place. */
  #reading: AbortController | undefined
  #proposal: ProposalSummary | undefined
  #history: EpochRecord[] = []
  #summary: ScoreSummary | undefined
  /** What the scores were made by. */
  #scoredBy = ''
  #isTraining = false
  /** The status of the data in use. */
  #ownStatus = ''
  #frame = 0

  readonly pictures = {
    'own-loss': async (): Promise<Picture> => {
      const canvas = document.createElement('canvas')
      drawLossChart(canvas, this.#epochs, [], this.#history, CHART)
      return { canvas, title: 'Loss', detail: this.#describe() }
    },
    'own-errors': async (): Promise<Picture> => {
      const canvas = document.createElement('canvas')
      if (this.#summary) drawErrorBins(canvas, this.#summary, CHART)
      return { canvas, title: 'Reconstruction errors and the threshold', detail: this.#describe() }
    },
  }

  /** `trainPanel` says how many threads compute, and whether a run is under way. */
  constructor(trainPanel: TrainPanel, report: Report) {
    this.#trainPanel = trainPanel
    this.#report = report
    this.#columns = new ColumnChoice(() => void this.#propose())
    this.#list = new ScoreList((page) => this.#page(page))
    for (const id of ['own-file', 'own-folder']) {
      const input = byId(id, HTMLInputElement)
      input.addEventListener('change', () => {
        const files = placed(input.files ?? [])
        // So that choosing the same again is a change.
        input.value = ''
        if (files.length > 0) void this.open(async () => files)
      })
    }
    const form = byId('own-form', HTMLFormElement)
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#train()
    })
    for (const id of ['own-missing', 'own-validation', 'own-seed']) {
      byId(id, HTMLElement).addEventListener('change', () => void this.#propose())
    }
    for (const id of ['own-z', 'own-epochs']) {
      byId(id, HTMLElement).addEventListener('change', () => this.#refresh())
    }
    for (const button of document.querySelectorAll<HTMLButtonElement>('[data-own-download]')) {
      button.addEventListener('click', () => {
        void this.#download(button.dataset.ownDownload as OwnFile)
      })
    }
  }

  show(): void {
    this.redraw()
  }

  /** Training goes on. */
  hide(): void {}

  redraw(): void {
    this.#draw()
  }

  /** Whether work would be lost with the page. */
  get isTraining(): boolean {
    return this.#isTraining
  }

  /**
   * Reads data that were chosen or dropped. They take the place of those in use, and end training on them,
   * once they are read; what cannot be read changes nothing. Called again meanwhile, only the last counts.
   *
   * @param find gathers the files; a folder takes a while
   */
  async open(find: () => Promise<readonly PlacedFile[]>): Promise<void> {
    this.#reading?.abort()
    const reading = new AbortController()
    const { signal } = reading
    this.#reading = reading
    this.#problem('')
    this.#showStatus()
    try {
      const client = await OwnClient.read(await find(), (records) => this.#addEpochs(records), signal)
      this.#endReading()
      this.#use(client)
      await this.#propose()
    } catch (error) {
      if (signal.aborted) return
      this.#endReading()
      this.#fail(error, this.#client && 'The data before stay in use.')
    }
  }

  #endReading(): void {
    this.#reading = undefined
    this.#showStatus()
  }

  #use(client: OwnClient): void {
    this.#client?.end()
    this.#client = client
    this.#proposal = undefined
    this.#summary = undefined
    this.#scoredBy = ''
    this.#history = []
    this.#isTraining = false
    this.#problem('')
    this.#status('')
    this.#columns.show(client.source.columns)
    this.#refresh()
  }

  /** Asks what would be trained, by the columns as they are chosen now. */
  async #propose(): Promise<void> {
    const client = this.#client
    if (!client) return
    this.#problem('')
    try {
      const proposal = await client.call('propose', { choice: this.#choice() })
      if (client === this.#client) this.#proposal = proposal
    } catch (error) {
      if (client !== this.#client) return
      this.#proposal = undefined
      this.#fail(error)
    }
    this.#refresh()
  }

  async #train(): Promise<void> {
    const client = this.#client
    if (!client) return
    if (this.#isTraining) {
      client.stop()
      this.#status('Finishing the step …')
      // Firefox has been seen to stall a worker while all cores were busy.
      clearTimeout(this.#late)
      this.#late = setTimeout(() => {
        if (client !== this.#client) return
        this.#status('No answer yet. If it stays so, choose the data again: that begins anew.')
      }, PATIENCE_MS)
      return
    }
    if (!this.#proposal) return
    if (this.#trainPanel.run.isActive) {
      this.#status('A run on the digits is under way: pause it first, or both are slow.')
      return
    }
    this.#problem('')
    try {
      const [choice, wanted] = [this.#choice(), this.#wanted()]
      const isSame = this.#settings() === this.#scoredBy && this.#summary !== undefined
      if (!isSame) this.#history = []
      this.#summary = undefined
      this.#scoredBy = this.#settings()
      this.#isTraining = true
      this.#status('Starting …')
      this.#refresh()
      const summary = await client.call('train', { choice, wanted })
      if (client !== this.#client) return
      this.#summary = summary
      await this.#list.show(summary)
    } catch (error) {
      if (client === this.#client) this.#fail(error)
    } finally {
      if (client === this.#client) {
        this.#isTraining = false
        clearTimeout(this.#late)
        this.#status(this.#summary ? summaryText(this.#summary) : '')
        this.#refresh()
      }
    }
  }

  #choice(): Choice {
    const isJudged = byId('own-validation', HTMLInputElement).checked
    return {
      ...this.#columns.choice,
      missing: byId('own-missing', HTMLSelectElement).value as Choice['missing'],
      ...(isJudged && { validation: VALIDATION }),
      seed: fieldNumber('own-seed', 'Seed', 0, 2 ** 32 - 1) ?? SEED,
    }
  }

  #wanted(): Wanted {
    return {
      z: fieldNumber('own-z', 'Latent units', 1, 1024),
      epochs: fieldNumber('own-epochs', 'Epochs', 1, 10_000),
      threads: this.#trainPanel.linked.threads,
    }
  }

  /** All that a model follows from, as text. */
  #settings(): string {
    return JSON.stringify([this.#choice(), this.#wanted()])
  }

  get #epochs(): number {
    const asked = Number(byId('own-epochs', HTMLInputElement).value)
    return this.#summary?.epochs ?? (asked || (this.#proposal?.epochs ?? 1))
  }

  #addEpochs(records: readonly EpochRecord[]): void {
    if (!this.#isTraining) return
    this.#history.push(...records)
    const last = this.#history[this.#history.length - 1]
    this.#status(`Training, epoch ${last.epoch} of ${this.#epochs}: loss ${last.trainLoss.toFixed(5)}`)
    this.#drawSoon()
  }

  /** Rows of the list; none where other data take the place of these meanwhile. */
  async #page(page: OwnCalls['page']['ask']): Promise<readonly ScoredRow[]> {
    const client = this.#client
    try {
      return (await client?.call('page', page)) ?? []
    } catch (error) {
      if (client !== this.#client) return []
      throw error
    }
  }

  async #download(kind: OwnFile): Promise<void> {
    const client = this.#client
    if (!client) return
    try {
      const { name, parts } = await client.call('file', { kind })
      const type = name.endsWith('.csv') ? 'text/csv' : 'application/octet-stream'
      downloadFile(name, new Blob(parts as Uint8Array<ArrayBuffer>[], { type }))
    } catch (error) {
      this.#report(error)
    }
  }

  #refresh(): void {
    const isRead = this.#client !== undefined
    byId('own-settings', HTMLDivElement).hidden = !isRead
    byId('own-empty', HTMLElement).hidden = isRead
    byId('own-training', HTMLElement).hidden = this.#history.length === 0 && !this.#isTraining
    byId('own-scored', HTMLElement).hidden = this.#summary === undefined
    setText(byId('own-description', HTMLParagraphElement), this.#client?.source.description ?? '')
    const notes = this.#summary?.notes ?? this.#proposal?.notes ?? []
    byId('own-notes', HTMLUListElement).replaceChildren(
      ...[...new Set(notes)].map((note) => element('li', { textContent: note })),
    )
    setText(byId('own-proposal', HTMLParagraphElement), proposalText(this.#proposal))
    const placeholders = { 'own-z': this.#proposal?.z, 'own-epochs': this.#proposal?.epochs }
    for (const [id, value] of Object.entries(placeholders)) {
      byId(id, HTMLInputElement).placeholder = value === undefined ? '' : String(value)
    }
    const start = byId('own-start', HTMLButtonElement)
    setText(start, this.#isTraining ? 'Stop' : this.#canGoOn() ? 'Go on' : 'Train')
    start.setAttribute('aria-disabled', String(!this.#isTraining && this.#proposal === undefined))
    this.#draw()
  }

  /** Whether the model was stopped and nothing about it has changed. */
  #canGoOn(): boolean {
    const { epoch = 0, epochs = 0 } = this.#summary ?? {}
    try {
      return epoch < epochs && this.#settings() === this.#scoredBy
    } catch {
      // A field that cannot be used: said when Train is pressed.
      return false
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
    if (byId('panel-data', HTMLElement).hidden) return
    if (!byId('own-training', HTMLElement).hidden) {
      drawLossChart(byId('own-loss', HTMLCanvasElement), this.#epochs, [], this.#history)
      const isJudged = this.#history.some(({ testLoss }) => testLoss !== undefined)
      byId('own-held-back', HTMLSpanElement).hidden = !isJudged
    }
    if (!this.#summary) return
    drawErrorBins(byId('own-errors', HTMLCanvasElement), this.#summary)
    byId('own-kinds', HTMLParagraphElement).hidden = !this.#summary.isByLabel
    setText(byId('own-threshold', HTMLParagraphElement), thresholdText(this.#summary))
    setText(byId('own-sha', HTMLElement), this.#summary.sha256 ?? '–')
    showWorst(byId('own-worst', HTMLElement), this.#summary.worst)
  }

  #describe(): string {
    const { file = '' } = this.#client?.source ?? {}
    return this.#summary ? `${file} · ${this.#summary.sizes}, ${this.#summary.epoch} epochs` : file
  }

  #fail(error: unknown, consequence?: string): void {
    const text = errorMessage(error)
    this.#problem(consequence ? `${text.replace(/\.$/, '')}. ${consequence}` : text)
    // A defect of ours also goes where defects go.
    if (!(error instanceof HourglassError)) this.#report(error)
  }

  #problem(text: string): void {
    setText(byId('own-problem', HTMLParagraphElement), text)
  }

  #status(text: string): void {
    this.#ownStatus = text
    this.#showStatus()
  }

  #showStatus(): void {
    setText(byId('own-status', HTMLParagraphElement), this.#reading ? 'Reading …' : this.#ownStatus)
  }
}

function proposalText(proposal: ProposalSummary | undefined): string {
  if (!proposal) return ''
  const { sizes, epochs, batch, rows } = proposal
  return `Proposed for ${rowsText(rows)}: ${sizes}, ${epochsText(epochs)} of batch ${batch}.`
}

function summaryText({ epoch, epochs, sizes }: ScoreSummary): string {
  if (epoch < epochs) return `Stopped after ${epoch} of ${epochs} epochs.`
  return `Trained ${sizes} for ${epochsText(epoch)}.`
}

function thresholdText({ threshold, flagged, count, measured }: ScoreSummary): string {
  const share = `${thousands(flagged)} of ${rowsText(count)} ${flagged === 1 ? 'lies' : 'lie'}`
  const judged = measured
    ? ` The label counts ${measured.outliers} outliers: AUROC ${measured.auroc.toFixed(4)}, ` +
      `${measured.baseline.auroc.toFixed(4)} by the plain length of the row.`
    : ''
  // Not that so many of them lie above it: of tied errors fewer do.
  const quantile = `the ${100 * (1 - DEFAULT_CONTAMINATION)} % quantile of the training rows' errors`
  return `${share} above the threshold of ${threshold.toPrecision(4)}, ${quantile}.${judged}`
}
