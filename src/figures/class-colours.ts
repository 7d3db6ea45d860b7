/**
 * Colours of the ten classes, the same in the figures and on the page, in light and dark: after Paul Tol's
 * "bright" and "muted" schemes for colour-blind readers (Technical note SRON/EPS/TN/09-002), shifted to be
 * seen on both grounds.
 */
export const CLASS_COLOURS = [
  '#4477aa',
  '#ee6677',
  '#228833',
  '#b8a32a',
  '#3fa7c9',
  '#aa3377',
  '#d9722e',
  '#6f63b8',
  '#8c6d4f',
  '#7d8791',
] as const
