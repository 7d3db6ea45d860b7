/** Text on figures that are drawn dot by dot. */
import type { Context } from './canvas.ts'
import { DEVICE_PIXEL_RATIO, font } from './theme.ts'

/** Sizes and spaces in whole dots. */
export const dots = (cssPixels: number) => Math.round(cssPixels * DEVICE_PIXEL_RATIO)

/**
 * One line of text, `size` in CSS pixels, everything else in dots; set smaller where it is too wide for its
 * room.
 */
export function drawText(
  context: Context,
  text: string,
  x: number,
  y: number,
  room: number,
  size: number,
  colour: string,
  weight: 'normal' | 'bold' = 'normal',
): void {
  context.fillStyle = colour
  context.font = font(dots(size), weight)
  const { width } = context.measureText(text)
  if (width > room) context.font = font(Math.floor((dots(size) * room) / width), weight)
  context.fillText(text, x, y)
}

/** The size, at most `size` in CSS pixels, at which the widest of the lines fits the room, in dots. */
export function commonSize(context: Context, lines: readonly string[], room: number, size: number): number {
  context.font = font(dots(size))
  const widest = Math.max(0, ...lines.map((line) => context.measureText(line).width))
  return widest > room ? Math.floor((dots(size) * room) / widest) / DEVICE_PIXEL_RATIO : size
}
