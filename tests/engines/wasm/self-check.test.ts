import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canFuse } from '../../../src/engines/wasm/node-v8.ts'
import { fusedAgrees, kernelsOf } from '../../../src/engines/wasm/self-check.ts'
import { classifier, hourglass } from '../../../src/model/recipes.ts'
import { CORE_VARIANTS, compileCore } from '../../support/core.ts'

const test = suite('the self-check of the fused core')
// Where V8 cannot fuse, the debug build stands in: other code that must give the same bits.
const fused = compileCore(canFuse ? CORE_VARIANTS[CORE_VARIANTS.length - 1] : 'relaxed.debug')

for (const kernels of ['seed', 'other'] as const) {
  test(`takes the core that agrees with the unfused one: ${kernels} kernels`, async () => {
    assert.is(await fusedAgrees(fused, compileCore('relaxed'), kernels), true)
  })

  test(`refuses a core whose products round otherwise: ${kernels} kernels`, async () => {
    assert.is(await fusedAgrees(fused, compileCore('plain'), kernels), false)
  })
}

test('knows which networks run more than the one of the seed does', () => {
  const sizes = { input: 9, hidden: 5, bottleneck: 2 }
  const kernels = [
    hourglass(sizes),
    hourglass({ ...sizes, latentActivation: 'identity' }),
    classifier({ ...sizes, classes: 3 }),
    hourglass({ ...sizes, activation: 'tanh' }),
    hourglass({ ...sizes, latentActivation: 'sigmoid' }),
    hourglass({ ...sizes, outputActivation: 'identity' }),
    hourglass({ ...sizes, loss: 'bce' }),
  ].map(kernelsOf)
  assert.equal(kernels, ['seed', 'seed', 'seed', 'other', 'other', 'other', 'other'])
})

test.run()
