/**
 * Hourglass in a browser: the same networks, formats and engines as in Node, and nothing that Node alone has.
 */
export type { CreateOptions, LoadOptions } from './api/browser.ts'
export { Autoencoder, createEngine, createEngine as createBrowserEngine, loadData } from './api/browser.ts'
export type { ChosenFile } from './data/sources/browser.ts'
export type { SetPart, StaticFilesOptions } from './data/static-files.ts'
export { loadStaticImageSet } from './data/static-files.ts'
export type { Device, EngineOptions } from './engines/create-browser.ts'
export * from './library.ts'
