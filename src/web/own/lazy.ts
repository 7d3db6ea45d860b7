/** The Data panel as the page knows it before anybody looks at it: its code is loaded then. */
import type { Panel, Picture, Report } from '../panel.ts'
import type { TrainPanel } from '../train-panel.ts'
import type { OwnPanel } from './panel.ts'

const PICTURES = ['own-loss', 'own-errors'] as const

export class LazyOwnPanel implements Panel {
  readonly pictures: Readonly<Record<string, () => Promise<Picture>>> = Object.fromEntries(
    PICTURES.map((name) => [name, async () => (await this.#load()).pictures[name]()]),
  )
  readonly #trainPanel: TrainPanel
  readonly #report: Report
  #loading: Promise<OwnPanel> | undefined
  #panel: OwnPanel | undefined

  constructor(trainPanel: TrainPanel, report: Report) {
    this.#trainPanel = trainPanel
    this.#report = report
  }

  /** Whether work would be lost with the page. */
  get isTraining(): boolean {
    return this.#panel?.isTraining === true
  }

  show(): void {
    this.#load().then((panel) => panel.show(), this.#report)
  }

  hide(): void {
    this.#panel?.hide()
  }

  redraw(): void {
    this.#panel?.redraw()
  }

  /** Reads what was dropped. To be called while the drop is handled: its files are gone afterwards. */
  async open(dropped: DataTransfer): Promise<void> {
    const entries = Array.from(dropped.items, (item) => item.webkitGetAsEntry())
    const files = Array.from(dropped.files)
    const panel = await this.#load()
    await panel.open(async () => {
      const { droppedFiles } = await import('./dropped.ts')
      return droppedFiles(entries, files)
    })
  }

  #load(): Promise<OwnPanel> {
    this.#loading ??= import('./panel.ts').then(({ OwnPanel }) => {
      this.#panel = new OwnPanel(this.#trainPanel, this.#report)
      return this.#panel
    })
    // What could not be fetched may be the next time.
    this.#loading.catch(() => {
      this.#loading = undefined
    })
    return this.#loading
  }
}
