/**
 * What `npm install` ends with (`npm run prepare` does it again): compiles the core and bundles the commands,
 * so that the first command need not wait for the one, and none for the many files of the other. Every
 * command does without: where something is missing, as on an older Node or without development packages, it
 * says so itself.
 */
try {
  // TypeScript as it is.
  if (process.features.typescript) {
    console.log('Compiling the core and bundling the commands')
    const { buildWasm } = await import('./build-wasm.ts')
    const { buildCommands } = await import('./build-commands.ts')
    // The build that is chosen wherever nobody asks for another.
    await Promise.all([buildCommands(), buildWasm({ files: ['core.relaxed.wasm'] })])
  }
} catch (error) {
  console.log(`Left to the first command: ${error.message}`)
}
