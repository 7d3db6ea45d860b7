/** What the page asks of a panel. */
export interface Panel {
  /** Called when the panel has come into view. */
  show(): void
  /** Called when it has left it. */
  hide(): void
  /** Draws what is in view again, after the theme or the window's size has changed. */
  redraw(): void
  /** The panel's pictures by name, each drawn anew on a canvas of its own, for saving. */
  readonly pictures: Readonly<Record<string, () => Promise<Picture>>>
}

/** A picture that leaves the page, with what a reader needs who never saw it there. */
export interface Picture {
  readonly canvas: HTMLCanvasElement
  readonly title: string
  /** One line below the title: which model, which settings. */
  readonly detail: string
  /** Colours: names of the style sheet's, or values. */
  readonly legend?: readonly { readonly color: string; readonly label: string }[]
}

/** Shows an error to the user; what is no fault of theirs also goes to the console. */
export type Report = (error: unknown) => void
