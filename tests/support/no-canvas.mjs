/** To be preloaded: the package canvas is not installed. */
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'canvas') return next(specifier, context)
    throw Object.assign(new Error("Cannot find package 'canvas'"), { code: 'ERR_MODULE_NOT_FOUND' })
  },
})
