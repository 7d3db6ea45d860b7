/** The rows with their scores: a table that is sorted by the buttons in its head, a page at a time. */
import { byId, element, LatestOnly, setText } from '../dom.ts'
import { reportError } from '../notices.ts'
import { thousands } from '../words.ts'
import type { OwnCalls } from './calls.ts'
import type { ScoredRow, ScoreSummary, SortKey } from './messages.ts'

const ROWS = 20

/** Rows of the list as the worker sorts them. */
type Load = (page: OwnCalls['page']['ask']) => Promise<readonly ScoredRow[]>

const PER_CENT = 100
/** Less would be told as 0 %. */
const LEAST_SHARE = 0.005

export class ScoreList {
  readonly #load: Load
  readonly #latest = new LatestOnly()
  readonly #table = byId('own-scores', HTMLTableElement)
  #by: SortKey = 'error'
  #descending = true
  #from = 0
  #count = 0
  #hasLabels = false

  constructor(load: Load) {
    this.#load = load
    for (const button of this.#table.querySelectorAll<HTMLButtonElement>('button[data-sort]')) {
      button.addEventListener('click', () => this.#sort(button.dataset.sort as SortKey))
    }
    const step = (by: number) => () => {
      const last = Math.max(0, Math.ceil(this.#count / ROWS) - 1) * ROWS
      this.#from = Math.min(last, Math.max(0, this.#from + by))
      this.#refresh()
    }
    byId('own-previous', HTMLButtonElement).addEventListener('click', step(-ROWS))
    byId('own-next', HTMLButtonElement).addEventListener('click', step(ROWS))
  }

  /** Shows the scores of a model, the greatest first. */
  async show({ count, hasLabels }: ScoreSummary): Promise<void> {
    this.#by = 'error'
    this.#descending = true
    this.#from = 0
    this.#count = count
    this.#hasLabels = hasLabels
    await this.#fill()
  }

  /** Again by the same column: the other way round. Numbers of rows rise first, all else falls. */
  #sort(by: SortKey): void {
    this.#descending = by === this.#by ? !this.#descending : by !== 'row' && by !== 'label'
    this.#by = by
    this.#from = 0
    this.#refresh()
  }

  #refresh(): void {
    this.#latest.run(() => this.#fill().catch(reportError))
  }

  async #fill(): Promise<void> {
    const rows = await this.#load({
      by: this.#by,
      descending: this.#descending,
      from: this.#from,
      most: ROWS,
    })
    for (const head of this.#table.querySelectorAll('th')) {
      const isSorted = head.querySelector('button')?.dataset.sort === this.#by
      if (isSorted) head.ariaSort = this.#descending ? 'descending' : 'ascending'
      else head.removeAttribute('aria-sort')
    }
    const isLabelColumn = (cell: Element) => cell.classList.contains('of-label')
    for (const cell of this.#table.querySelectorAll<HTMLElement>('th')) {
      if (isLabelColumn(cell)) cell.hidden = !this.#hasLabels
    }
    this.#table.tBodies[0].replaceChildren(...rows.map((row) => this.#row(row)))
    const to = this.#from + rows.length
    const all = thousands(this.#count)
    setText(byId('own-place', HTMLSpanElement), `${this.#from + 1} to ${to} of ${all}`)
    // Not disabled: a button that has the focus would lose it.
    byId('own-previous', HTMLButtonElement).setAttribute('aria-disabled', String(this.#from === 0))
    byId('own-next', HTMLButtonElement).setAttribute('aria-disabled', String(to >= this.#count))
  }

  #row({ row, name, error, percentile, isOutlier, label, reasons }: ScoredRow): HTMLTableRowElement {
    const cell = (text: string, className = '') => element('td', { textContent: text, className })
    const why = reasons
      .filter(({ share }) => share >= LEAST_SHARE)
      .map(({ name: feature, share }) => `${feature} ${Math.round(PER_CENT * share)} %`)
    return element('tr', { className: isOutlier ? 'outlier' : '' }, [
      cell(name ?? String(row), 'number'),
      cell(error.toPrecision(4), 'number'),
      cell(percentile.toFixed(1), 'number'),
      cell(isOutlier ? 'above' : ''),
      ...(this.#hasLabels ? [cell(label ?? '')] : []),
      cell(why.join(', ')),
    ])
  }
}
