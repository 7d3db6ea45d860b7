/** In a checkout the core is compiled when it is needed; in a package it is there. Node only. */

let make: (file: string) => Promise<void> = async () => {}

/** `compile` is called with the name of a file of build/ before it is read. */
export function compileWhenNeeded(compile: (file: string) => Promise<void>): void {
  make = compile
}

/** Resolves when the file is as its sources say. */
export function ensureCore(file: string): Promise<void> {
  return make(file)
}
