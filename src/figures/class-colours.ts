/** Colours of the ten classes: Paul Tol's "muted" scheme for colour-blind readers (Technical note SRON/EPS/TN/09-002), and black. */
export const CLASS_COLOURS = [
  '#332288', // indigo
  '#ddcc77', // sand
  '#117733', // green
  '#cc6677', // rose
  '#88ccee', // cyan
  '#882255', // wine
  '#44aa99', // teal
  '#999933', // olive
  '#aa4499', // purple
  '#000000',
] as const
