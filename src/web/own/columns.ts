/** What each column of a table is used for, as a list of choices. */
import { byId, element } from '../dom.ts'
import { thousands } from '../words.ts'
import type { Choice, ColumnSummary } from './messages.ts'

type Use = 'usual' | 'exclude' | 'oneHot' | 'label'

/** More would make the page slow; those beyond are used as usual. */
const MOST_SHOWN = 200

const USES: Record<ColumnSummary['kind'], readonly (readonly [Use, string])[]> = {
  number: [
    ['usual', 'learn from it'],
    ['exclude', 'leave out'],
    ['label', 'label'],
  ],
  text: [
    ['usual', 'text: not used'],
    ['exclude', 'leave out'],
    ['oneHot', 'categories'],
    ['label', 'label'],
  ],
}

export class ColumnChoice {
  readonly #onChange: () => void
  #uses: { readonly name: string; readonly select: HTMLSelectElement }[] = []

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Undefined for data without columns. */
  show(columns: readonly ColumnSummary[] | undefined): void {
    byId('own-columns', HTMLDetailsElement).hidden = columns === undefined
    byId('own-missing-mean', HTMLOptionElement).disabled = columns === undefined
    if (!columns) byId('own-missing', HTMLSelectElement).value = 'error'
    else byId('own-missing', HTMLSelectElement).value = 'mean'
    const shown = columns?.slice(0, MOST_SHOWN) ?? []
    this.#uses = shown.map(({ name, kind }) => ({ name, select: this.#select(name, kind) }))
    byId('own-column-list', HTMLUListElement).replaceChildren(
      ...shown.map(({ name, example }, i) =>
        element('li', {}, [
          element('span', { className: 'own-column', title: name }, [
            element('b', { textContent: name }),
            element('small', { textContent: example, className: 'quiet' }),
          ]),
          this.#uses[i].select,
        ]),
      ),
    )
    const more = (columns?.length ?? 0) - shown.length
    byId('own-more-columns', HTMLParagraphElement).textContent =
      more > 0 ? `${thousands(more)} more columns are used as usual.` : ''
  }

  get choice(): Pick<Choice, 'label' | 'exclude' | 'oneHot'> {
    const named = (use: Use) =>
      this.#uses.filter(({ select }) => select.value === use).map(({ name }) => name)
    const [label] = named('label')
    return { ...(label !== undefined && { label }), exclude: named('exclude'), oneHot: named('oneHot') }
  }

  #select(name: string, kind: ColumnSummary['kind']): HTMLSelectElement {
    const options = USES[kind].map(([value, textContent]) => element('option', { value, textContent }))
    const select = element('select', { ariaLabel: `Use of column ${name}` }, options)
    select.addEventListener('change', () => {
      if (select.value === 'label') this.#takeLabelFrom(select)
      this.#onChange()
    })
    return select
  }

  /** There is one label. */
  #takeLabelFrom(chosen: HTMLSelectElement): void {
    for (const { select } of this.#uses) {
      if (select !== chosen && select.value === 'label') select.value = 'usual'
    }
  }
}
