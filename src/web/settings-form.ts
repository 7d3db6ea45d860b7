/** The form of the Train panel and the settings it stands for. */
import { byId, element } from './dom.ts'
import {
  CHOICE_SETTINGS,
  type ChoiceSetting,
  choose,
  type DeviceChoice,
  NUMBER_SETTINGS,
  type NumberSetting,
  type Settings,
  settingNumber,
  settingProblem,
  togetherProblem,
} from './settings.ts'

/** What the fields hold, which of them cannot be used, and why. */
interface Found {
  readonly settings: Settings
  readonly invalid: readonly NumberSetting[]
  readonly problems: readonly string[]
}

export class SettingsForm {
  readonly #form = byId('settings', HTMLFormElement)
  readonly #problem = byId('settings-problem', HTMLParagraphElement)
  #settings: Settings

  /** `onChange` gets the settings whenever they are all usable and one has changed, while it is typed too. */
  constructor(settings: Settings, onChange: (settings: Settings) => void) {
    this.#settings = { ...settings }
    this.#fill()
    this.#form.addEventListener('change', () => {
      const settings = this.read()
      if (settings) onChange(settings)
    })
    this.#form.addEventListener('input', () => {
      // A number that is half typed may be out of range: that is said once the field is left.
      const found = this.#found()
      const settings = found.problems.length > 0 ? undefined : this.#take(found)
      if (settings) onChange(settings)
    })
  }

  /**
   * The settings as they stand; undefined, with the problem shown beside the form, where one cannot be used.
   */
  read(): Settings | undefined {
    return this.#take(this.#found())
  }

  #take({ settings, invalid, problems }: Found): Settings | undefined {
    for (const name of NUMBER_SETTINGS) {
      this.#input(name)?.setAttribute('aria-invalid', String(invalid.includes(name)))
    }
    this.#problem.textContent = problems.join(' ')
    if (problems.length > 0) return undefined
    this.#settings = settings
    return { ...settings }
  }

  /** While a run is under way its settings stand. A field that has the focus keeps it. */
  setLocked(isLocked: boolean): void {
    for (const input of this.#form.querySelectorAll('input')) input.readOnly = isLocked
    for (const name of CHOICE_SETTINGS) this.#select(name).disabled = isLocked
  }

  /** Shows other settings, of a run that was opened. */
  show(settings: Settings): void {
    this.#settings = { ...settings }
    this.#fill()
    this.read()
  }

  /** Greys out a device that cannot compute here, and says why. */
  withoutDevice(device: DeviceChoice, why: string): void {
    const option = this.#select('device').querySelector<HTMLOptionElement>(`option[value="${device}"]`)
    option?.replaceWith(element('option', { value: device, disabled: true, textContent: why }))
    if (this.#settings.device === device) this.#select('device').value = 'auto'
  }

  #found(): Found {
    const settings = { ...this.#settings }
    const invalid: NumberSetting[] = []
    const problems: string[] = []
    for (const name of NUMBER_SETTINGS) {
      const input = this.#input(name)
      if (!input) continue
      const problem = settingProblem(name, input.value)
      if (problem) {
        invalid.push(name)
        problems.push(problem)
      } else settings[name] = settingNumber(input.value)
    }
    for (const name of CHOICE_SETTINGS) choose(settings, name, this.#select(name).value)
    const together = problems.length === 0 ? togetherProblem(settings) : undefined
    if (together) problems.push(together)
    return { settings, invalid, problems }
  }

  #fill(): void {
    for (const name of NUMBER_SETTINGS) {
      const input = this.#input(name)
      if (input) input.value = String(this.#settings[name])
    }
    for (const name of CHOICE_SETTINGS) this.#select(name).value = this.#settings[name]
  }

  #input(name: string): HTMLInputElement | null {
    return this.#form.querySelector<HTMLInputElement>(`input[name="${name}"]`)
  }

  #select(name: ChoiceSetting): HTMLSelectElement {
    const select = this.#form.querySelector<HTMLSelectElement>(`select[name="${name}"]`)
    if (!select) throw new Error(`internal: the form has no ${name}`)
    return select
  }
}
