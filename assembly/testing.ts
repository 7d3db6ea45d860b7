/** The core with what only tests and benchmarks call; not part of what is released. */
export * from './index'
export * from './testing/bench'
export * from './testing/parts'
export * from './testing/vectors'
