import { test } from 'uvu'
import { BOMBS } from '../fuzz/bombs.ts'
import { testBombs } from './bomb-tests.ts'

testBombs(
  test,
  BOMBS.filter(({ target }) => !target.name.endsWith('.pth')),
)

test.run()
