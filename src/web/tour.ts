/** A walk of a minute through the page, for those who have never met an autoencoder. */
import { byId, prefersReducedMotion, setText } from './dom.ts'
import type { PanelName } from './settings.ts'

interface Stop {
  readonly panel: PanelName
  /** Id of what is pointed at. */
  readonly at: string
  /** NECK stands for the width of the neck of the model in use. */
  readonly text: string
}

const STOPS: readonly Stop[] = [
  {
    panel: 'train',
    at: 'train-grid',
    text:
      'Above: digits that people wrote. Below: what the network makes of them after squeezing each, 784 pixels, ' +
      'through a neck of NECK and drawing it anew from this code alone. It never saw these digits in training.',
  },
  {
    panel: 'train',
    at: 'unit-rows',
    text:
      'What does the code say? Each row turns one number of it from low to high and leaves the others at their ' +
      'average. One leans a digit over, one closes a loop: nobody told the network to.',
  },
  {
    panel: 'denoise',
    at: 'pad',
    text:
      'Write a digit of your own. Its code stands below as bars, and the nearest test digits beside it. A ' +
      'scrawl that is no digit comes back as one: the network can draw nothing else.',
  },
  {
    panel: 'explore',
    at: 'map',
    text:
      'Every dot is a test digit, placed by its code; the colours are the digits, which the network was never told. ' +
      'Move over the map to see what lies between them.',
  },
  {
    panel: 'train',
    at: 'settings',
    text:
      'Now train one: set z, the width of the neck, to 2 and press Start. Two numbers are too few: digits blur into ' +
      'each other. With 32 they come back sharp, and so does the noise. That is what z does.',
  },
]

/**
 * Connects the tour's buttons. It points at places of the panels and changes nothing by itself.
 *
 * @param neck latent units of the model in use
 */
export function connectTour(choose: (panel: PanelName) => void, neck: () => number): void {
  const box = byId('tour', HTMLElement)
  const next = byId('tour-next', HTMLButtonElement)
  const back = byId('tour-back', HTMLButtonElement)
  let current = -1
  let shown: HTMLElement | undefined

  const leave = () => {
    shown?.classList.remove('pointed')
    box.hidden = true
    current = -1
    byId('tour-start', HTMLButtonElement).focus()
  }
  const show = (stop: number) => {
    current = stop
    const { panel, at, text } = STOPS[stop]
    box.hidden = false
    choose(panel)
    shown?.classList.remove('pointed')
    shown = document.getElementById(at)?.closest<HTMLElement>('.card') ?? undefined
    shown?.classList.add('pointed')
    shown?.scrollIntoView({ block: 'start', behavior: prefersReducedMotion() ? 'auto' : 'smooth' })
    const width = neck() === 1 ? '1 number' : `${neck()} numbers`
    setText(byId('tour-text', HTMLParagraphElement), text.replace('NECK', width))
    setText(byId('tour-place', HTMLSpanElement), `${stop + 1} of ${STOPS.length}`)
    setText(next, stop === STOPS.length - 1 ? 'Done' : 'Next')
    back.disabled = stop === 0
    next.focus()
  }
  byId('tour-start', HTMLButtonElement).addEventListener('click', () => show(0))
  next.addEventListener('click', () => (current === STOPS.length - 1 ? leave() : show(current + 1)))
  back.addEventListener('click', () => show(Math.max(0, current - 1)))
  byId('tour-leave', HTMLButtonElement).addEventListener('click', leave)
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !box.hidden) leave()
  })
}
