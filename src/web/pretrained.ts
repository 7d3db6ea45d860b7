/** The model that comes with the page, so that every panel works before anyone trains. */

export const PRETRAINED_NAME = 'MLP.8'
/** Its weights in float16: the build makes them of the repository's own file (`vite.config.ts`). */
export const PRETRAINED_FILE = 'MLP.8.half.safetensors'
