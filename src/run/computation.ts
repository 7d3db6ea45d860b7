/**
 * Version of the computing code. To be raised with every change after which the same run ends in other bits
 * on any engine; `tests/run/computation.test.ts` turns red where that was forgotten.
 */
export const COMPUTATION = '1'
