/**
 * Names of trials. The digests are Python's: hashlib.sha256 of json.dumps(…, sort_keys=True, separators=(',',
 * ':')).
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalJson } from '../../src/formats/canonical-json.ts'
import { DEFAULT_SETTINGS, SETTING_LABELS } from '../../src/run/settings.ts'
import { trialName } from '../../src/run/trial-name.ts'

const IDENTITY = { train: 'a'.repeat(64), test: 'b'.repeat(64), bits: 'float64', computation: '1' }
const MEASURED = { sigmas: [0.1, 0.25] }

/** {"version": 1, "settings": {}, "identity": {…}, "measured": {"sigmas": [0.1, 0.25]}} */
const OF_DEFAULTS = 'f50eafd54a46951046bbea3f4f352cb2c54a62a3ef8192ffbaf01357be603576'
/** The same with {"bottleneck": 8, "hidden": [1000, 500], "learningRate": 0.003, "seed": 7}. */
const OF_OTHERS = '32845f9968177d873bfa7508315d7fef3a3f74fbce3c1a40a1ee54808d04d4cf'

// A setting that joins the table later leaves these as they are.
test('a name is the digest of what is no default, of data, arithmetic and measures', async () => {
  assert.is(await trialName(DEFAULT_SETTINGS, IDENTITY, MEASURED), OF_DEFAULTS)
  const others = { seed: 7, learningRate: 0.003, hidden: [1000, 500], bottleneck: 8 }
  assert.is(await trialName({ ...DEFAULT_SETTINGS, ...others }, IDENTITY, MEASURED), OF_OTHERS)
})

test('each setting, each part of the identity and the measures make another name', async () => {
  const names = new Set([OF_DEFAULTS])
  const changes: Readonly<Record<string, unknown>> = {
    ...Object.fromEntries(Object.keys(SETTING_LABELS).map((name) => [name, 3])),
    hidden: [391],
    activation: 'tanh',
    latentActivation: 'identity',
    outputActivation: 'identity',
    loss: 'bce',
  }
  for (const [name, value] of Object.entries(changes)) {
    names.add(await trialName({ ...DEFAULT_SETTINGS, [name]: value }, IDENTITY, MEASURED))
  }
  for (const name of Object.keys(IDENTITY)) {
    names.add(await trialName(DEFAULT_SETTINGS, { ...IDENTITY, [name]: '2' }, MEASURED))
  }
  names.add(await trialName(DEFAULT_SETTINGS, IDENTITY, { sigmas: [0.1] }))
  assert.is(names.size, 1 + Object.keys(SETTING_LABELS).length + Object.keys(IDENTITY).length + 1)
})

test('canonical JSON is that of RFC 8785, section 3.2', () => {
  // Section 3.2.3: sorted by UTF-16 units, whatever the order of the code points.
  const sorted = { '€': 1, '\r': 2, \ufb33: 3, '1': 4, '😀': 5, '\u0080': 6, ö: 7 }
  assert.equal(Object.keys(JSON.parse(canonicalJson(sorted).replace('"1"', '"one"'))), [
    '\r',
    'one',
    '\u0080',
    'ö',
    '€',
    '😀',
    '\ufb33',
  ])
  // Section 3.2.2.3 and appendix B.
  const numbers = [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0]
  assert.is(canonicalJson(numbers), '[333333333.3333333,1e+30,4.5,0.002,1e-27,0]')
  assert.is(
    canonicalJson({ b: [null, true, 'a"\n\u000f'], a: {} }),
    '{"a":{},"b":[null,true,"a\\"\\n\\u000f"]}',
  )
  assert.throws(() => canonicalJson({ a: Number.NaN }), /finite number, found NaN/)
})

test.run()
