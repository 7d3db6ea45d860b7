/**
 * The name of a trial: equal names are the same trial, with the same weights and the same measures, on
 * whatever machine it runs. Runs in a browser.
 */
import { sha256Of } from '../data/digest.ts'
import type { JsonObject, JsonValue } from '../formats/canonical-json.ts'
import { canonicalJson } from '../formats/canonical-json.ts'
import type { RunIdentity } from './identity.ts'
import type { RunSettings, SettingName } from './settings.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

/** To be raised where a default of `DEFAULT_SETTINGS` changes: names leave defaults out. */
const VERSION = 1

/**
 * Settings other than the defaults: a setting that joins later leaves the names of earlier trials as they
 * are.
 */
export function givenSettings(settings: RunSettings): JsonObject {
  const names = Object.keys(DEFAULT_SETTINGS) as SettingName[]
  const given = names.filter((name) => String(settings[name]) !== String(DEFAULT_SETTINGS[name]))
  return Object.fromEntries(given.map((name) => [name, settings[name] as JsonValue]))
}

/**
 * SHA-256, in hex, of the canonical JSON of settings, digests of the data, arithmetic and version of the
 * computing code.
 *
 * @param measured what else decides what is reported of the trial
 */
export async function trialName(
  settings: RunSettings,
  identity: RunIdentity,
  measured: JsonObject,
): Promise<string> {
  const { train, test, bits, computation } = identity
  const text = canonicalJson({
    version: VERSION,
    settings: givenSettings(settings),
    identity: { train, test, bits, computation },
    measured,
  })
  const name = await sha256Of([new TextEncoder().encode(text)])
  if (name === undefined) throw new Error('internal: a trial was named where there is no SHA-256')
  return name
}
