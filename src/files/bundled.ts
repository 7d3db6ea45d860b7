/**
 * What to do where a bundler has packed the code for Node: the files that lie beside it are no longer there.
 */
export const WHERE_BUNDLED =
  'a bundler that packs a server must leave hourglass-autoencoder out (serverExternalPackages in Next)'
