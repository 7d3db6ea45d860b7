/** What the page asks of a panel. */
export interface Panel {
  /** Called when the panel has come into view. */
  show(): void
  /** Called when it has left it. */
  hide(): void
  /** Draws what is in view again, after the theme or the window's size has changed. */
  redraw(): void
  /** The panel's pictures by name, each drawn anew on a canvas of its own, for saving. */
  readonly pictures: Readonly<Record<string, () => Promise<HTMLCanvasElement>>>
}

/** Shows an error to the user; what is no fault of theirs also goes to the console. */
export type Report = (error: unknown) => void
