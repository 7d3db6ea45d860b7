import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canFuse } from '../../../src/engines/wasm/node-v8.ts'
import { fusedAgrees } from '../../../src/engines/wasm/self-check.ts'
import { CORE_VARIANTS, compileCore } from '../../support/core.ts'

const test = suite('the self-check of the fused core')
// Where V8 cannot fuse, the debug build stands in: other code that must give the same bits.
const fused = compileCore(canFuse ? CORE_VARIANTS[CORE_VARIANTS.length - 1] : 'relaxed.debug')

test('takes the core that agrees with the unfused one', async () => {
  assert.is(await fusedAgrees(fused, compileCore('relaxed')), true)
})

test('refuses a core whose products round otherwise', async () => {
  assert.is(await fusedAgrees(fused, compileCore('plain')), false)
})

test.run()
