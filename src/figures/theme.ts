/**
 * The one style of all figures: white ground, dark text, pale grid, and the colours of Okabe and Ito (2008,
 * "Color Universal Design"), which stay apart for colour-blind readers and in grey print. Runs in a browser
 * too.
 */
import type { ChartOptions } from 'chart.js'

/** The family of the font files in `fonts/`, then what a browser page falls back to. */
const FONT_FAMILY = '"Hourglass Sans", "DejaVu Sans", Verdana, sans-serif'

/** Figures are drawn in CSS pixels (96 an inch) and stored at 150 dots an inch, as the seed project's are. */
export const CSS_PIXELS_PER_INCH = 96
export const DOTS_PER_INCH = 150
export const DEVICE_PIXEL_RATIO = DOTS_PER_INCH / CSS_PIXELS_PER_INCH

/** 7 × 5 inches in CSS pixels: 1050 × 750 dots. */
export const FIGURE_WIDTH = 7 * CSS_PIXELS_PER_INCH
export const FIGURE_HEIGHT = 5 * CSS_PIXELS_PER_INCH

/** Font sizes in CSS pixels. */
export const FONT_SIZE = { title: 15, label: 12, small: 11 } as const

export const COLOURS = {
  background: '#ffffff',
  text: '#222222',
  /** Captions, ticks and marks that should stand back. */
  muted: '#595959',
  grid: '#e6e6e6',
  frame: '#b3b3b3',
} as const

/** Series colours in order of use, from Okabe and Ito; yellow is left out, too pale for lines on white. */
export const SERIES_COLOURS = [
  '#0072b2', // blue
  '#d55e00', // vermilion
  '#009e73', // bluish green
  '#cc79a7', // reddish purple
  '#e69f00', // orange
  '#56b4e9', // sky blue
  '#000000',
] as const

export function font(size: number, weight: 'normal' | 'bold' = 'normal'): string {
  return `${weight} ${size}px ${FONT_FAMILY}`
}

/**
 * A loss or an error as figures and tables show it: three significant digits, `0.0184`; small ones as
 * `1.2e-7`.
 */
export function formatLoss(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  return value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential(1) : value.toPrecision(3)
}

/** A loss as it is followed from epoch to epoch: five decimals, `0.01843`, or five digits, `5.1230e-5`. */
export function formatFollowedLoss(value: number): string {
  const isUsual = value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6)
  return isUsual || !Number.isFinite(value) ? value.toFixed(5) : value.toExponential(4)
}

/** Options that every chart begins with; a figure adds its scales and its text. */
export function chartOptions(title: string, subtitle?: string, legend: 'top' | 'right' | 'none' = 'top') {
  return {
    animation: false,
    responsive: false,
    maintainAspectRatio: false,
    color: COLOURS.text,
    font: { family: FONT_FAMILY, size: FONT_SIZE.label },
    layout: { padding: { left: 12, right: 20, top: 8, bottom: 10 } },
    plugins: {
      title: {
        display: true,
        text: title,
        align: 'start',
        color: COLOURS.text,
        font: { family: FONT_FAMILY, size: FONT_SIZE.title, weight: 'bold' },
        padding: { top: 4, bottom: 4 },
      },
      subtitle: {
        display: subtitle !== undefined,
        text: subtitle ?? '',
        align: 'start',
        color: COLOURS.muted,
        font: { family: FONT_FAMILY, size: FONT_SIZE.small },
        // Where no legend parts it from the axis, it must keep away from the topmost tick itself.
        padding: { bottom: legend === 'top' ? 2 : 12 },
      },
      legend: {
        display: legend !== 'none',
        position: legend === 'right' ? 'right' : 'top',
        align: legend === 'right' ? 'center' : 'start',
        // Chart.js would cut off longer names beside the chart.
        ...(legend === 'right' ? { maxWidth: FIGURE_WIDTH / 2 } : {}),
        labels: {
          boxWidth: 18,
          boxHeight: 0,
          color: COLOURS.text,
          font: { family: FONT_FAMILY, size: FONT_SIZE.label },
        },
      },
    },
  } satisfies ChartOptions
}

/** An axis: what it measures, with its unit, and quiet lines. Spread it into a scale's options. */
export function axisOptions(title: string) {
  return {
    title: {
      display: true,
      text: title,
      color: COLOURS.text,
      font: { family: FONT_FAMILY, size: FONT_SIZE.label },
    },
    ticks: { color: COLOURS.muted, font: { family: FONT_FAMILY, size: FONT_SIZE.small } },
    grid: { color: COLOURS.grid, tickColor: COLOURS.frame },
    border: { color: COLOURS.frame },
  }
}
