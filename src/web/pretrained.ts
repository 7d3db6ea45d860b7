/** The model that comes with the page, so that every panel works before anyone trains. */

export const PRETRAINED_NAME = 'MLP.8'
/** Weights as they lie in the repository; the bundler copies the file beside the page. */
export const PRETRAINED_URL = new URL('../../results/MLP.8.safetensors', import.meta.url)
