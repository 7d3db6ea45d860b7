/** The model that comes with the page, so that every panel works before anyone trains. */

export const PRETRAINED_NAME = 'MLP.8'
/** Weights as they lie in the repository; the bundler copies the file beside the page. */
export const PRETRAINED_URL = new URL('../../tests/fixtures/interop/MLP.8.pth', import.meta.url)
