/** The WGSL sources, by the names of their files in `shaders/`. node.ts reads them, browser.ts has them bundled. */

/** Entry points, and which pieces each is made of besides its own file. Every pass sees `step.wgsl`. */
const PASS_PIECES = {
  gather: ['bytes', 'random'],
  forward: ['activation'],
  'output-squared-error': ['bytes', 'activation'],
  'output-cross-entropy': [],
  softmax: [],
  loss: [],
  'input-gradient': ['activation'],
  'weight-gradient': [],
} as const satisfies Record<string, readonly string[]>

/** The matrix product that the three passes with `shape()` are built on. */
export type ProductKernel = 'matmul-tiled' | 'matmul-direct'

export type PassName = keyof typeof PASS_PIECES
export type ShaderName = PassName | (typeof PASS_PIECES)[PassName][number] | ProductKernel | 'step'

export type ShaderSources = Readonly<Record<ShaderName, string>>

export const SHADER_NAMES: readonly ShaderName[] = [
  'step',
  'bytes',
  'random',
  'activation',
  'matmul-tiled',
  'matmul-direct',
  ...(Object.keys(PASS_PIECES) as PassName[]),
]

const PRODUCTS: readonly PassName[] = ['forward', 'input-gradient', 'weight-gradient']

/** The whole WGSL module of a pass. */
export function passSource(sources: ShaderSources, pass: PassName, kernel: ProductKernel): string {
  const names: ShaderName[] = ['step', ...PASS_PIECES[pass]]
  if (PRODUCTS.includes(pass)) names.push(kernel)
  return [...names, pass].map((name) => sources[name]).join('\n')
}
