/**
 * The WGSL sources, by the names of their files in `shaders/`, and how modules are put together from them.
 */

export const SHADER_NAMES = [
  'step',
  'rows-bytes',
  'rows-floats',
  'random',
  'activation',
  'loss',
  'adam',
  'softmax',
  'tiled',
  'sums-32',
  'sums-64',
  'direct',
  'operands',
  'product-tiled',
  'product-direct',
  'chain',
  'finish-activation',
  'finish-adam',
  'finish-gradient',
  'finish-loss',
  'apply-split',
  'chain-backward',
  'chain-forward',
  'main-loss',
  'main-rows',
  'main-weights',
  'noise',
  'output-cross-entropy',
  'output-softmax',
  'row-cross-entropy',
  'row-loss',
] as const

export type ShaderName = (typeof SHADER_NAMES)[number]

/** node.ts reads them, browser.ts has them bundled. */
export type ShaderSources = Readonly<Record<ShaderName, string>>

/** What `$NAME` in a piece stands for. Numbers are WGSL literals without a suffix; texts are WGSL. */
export type Values = Readonly<Record<string, number | string | boolean>>

/** A file with its values; the same file may come several times, with another `JOB` each. */
export type Piece = readonly [name: ShaderName, values?: Values]

/** The whole WGSL module. Throws for a `$NAME` without a value. */
export function moduleSource(sources: ShaderSources, pieces: readonly Piece[]): string {
  return pieces
    .map(([name, values = {}]) =>
      sources[name].replace(/\$([A-Z][A-Z0-9_]*)/g, (_, key: string) => {
        const value = values[key]
        if (value === undefined) throw new Error(`internal: ${name}.wgsl: no value for ${key}`)
        return String(value)
      }),
    )
    .join('\n')
}
