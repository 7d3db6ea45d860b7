/**
 * How the inputs of a layer lie for its products: as lists where many are zero, else as row pairs (`Operand`
 * in `plan/structures.ts`).
 */
import { PAIR, PAIR_BYTES, PAIR_ROWS, padded } from '../plan/sizes'
import { Operand } from '../plan/structures'
import { clearRows, storeRowPairs } from './layouts'
import { extendRowList } from './lists'

/** Whether it lies as row pairs. */
export function isDense(operand: Operand): bool {
  return operand.rowPairs !== 0
}

/** Address of the pair of rows `row` and row + 1 at `column`, in row pairs. */
export function rowPairsAt(operand: Operand, row: i32, column: i32): usize {
  const pairs = (row / PAIR) * padded(operand.columns) + column
  return <usize>operand.rowPairs + <usize>pairs * PAIR_BYTES
}

/**
 * Goes on with rows `row` and row + 1 by the 40 columns from `column` on; `rows` is the address of the two
 * panel rows, or 0 where they are all zero. Columns come in order, from 0.
 */
export function extendOperand(operand: Operand, row: i32, rows: usize, column: i32): void {
  if (!isDense(operand)) {
    extendRowList(operand, row / PAIR, rows, column)
  } else if (rows === 0) {
    clearRows(rowPairsAt(operand, row, column), PAIR_ROWS)
  } else {
    storeRowPairs(rowPairsAt(operand, row, column), rows)
  }
}
