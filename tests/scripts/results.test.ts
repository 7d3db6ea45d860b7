/** `npm run results`, as far as it can be tried without the hour that it takes. */
import { tmpdir } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runScript } from '../support/command.ts'

const results = (...args: string[]) => runScript('results', args, tmpdir())

test('the steps are listed as commands that one can type, from whatever folder', async () => {
  const { code, stdout } = await results('--list', '--only', 'figures,sweep-noise')
  assert.is(code, 0)
  const lines = stdout.trimEnd().split('\n')
  assert.is(lines.length, 2)
  assert.match(
    lines[0],
    /^(done |to do) {2}figures: npm run --silent evaluate -- -l results\/MLP\.8\.pth .* > results\/evaluation\.json$/,
  )
  assert.match(
    lines[1],
    /^(done |to do) {2}sweep-noise: npm run sweep -- -z 8 .* --out results\/sweep-noise$/,
  )
})

test('a step that there is not is refused in one line that names them', async () => {
  const { code, stderr } = await results('--only', 'model,modle')
  assert.is(code, 2)
  assert.match(stderr, /^error: --only: expected names of model, weights, .*, found modle\n$/)
})

test.run()
