/** Puts the page together: the panels, the tabs between them, the URL, and what belongs to no panel. */
import { WASM_BITS } from '../browser.ts'
import { DenoisePanel } from './denoise-panel.ts'
import { byId, onThemeChange } from './dom.ts'
import { ExplorePanel } from './explore-panel.ts'
import { FilesPanel } from './files-panel.ts'
import { ensureIsolation } from './isolation.ts'
import { loadPretrained } from './model-files.ts'
import { notice, reportError } from './notices.ts'
import type { Panel } from './panel.ts'
import { forgetColors } from './picture.ts'
import { savePng } from './save.ts'
import { Session } from './session.ts'
import {
  defaultSettings,
  PANELS,
  type PanelName,
  readSettings,
  type Settings,
  writeSettings,
} from './settings.ts'
import { SettingsForm } from './settings-form.ts'
import { TrainPanel } from './train-panel.ts'

function startPage(): void {
  const cores = navigator.hardwareConcurrency || 1
  const read = readSettings(location.search, defaultSettings(cores))
  for (const problem of read.problems) notice(problem)
  let settings = read.settings
  let panel = read.panel

  const keepInUrl = () => history.replaceState(null, '', writeSettings(settings, panel))
  const session = new Session()
  const form = new SettingsForm(settings, (changed) => {
    settings = changed
    keepInUrl()
    trainPanel.settingsChanged(changed)
  })
  const trainPanel = new TrainPanel(session, form, settings, reportError)
  const panels: Record<PanelName, Panel> = {
    train: trainPanel,
    denoise: new DenoisePanel(session, reportError),
    explore: new ExplorePanel(session, reportError),
    files: new FilesPanel(session, () => trainPanel.run, reportError),
  }

  connectTabs(panels, panel, (chosen) => {
    panel = chosen
    keepInUrl()
  })
  connectPictures(panels)
  connectLink(() => writeSettings(settings, panel))
  session.onChange(() => describeModel(session, trainPanel))
  const redraw = () => {
    forgetColors()
    panels[panel].redraw()
  }
  onThemeChange(redraw)
  addEventListener('resize', redraw)
  freeOnLeaving(session, trainPanel)
  tellWhatIsMissing(settings, cores, form)
  loadPretrained()
    .then((model) => session.use(model))
    .then(() => tellArithmetic(session))
    .catch((error: unknown) => {
      byId('model-name', HTMLSpanElement).textContent = 'No model yet'
      reportError(error)
    })
}

function connectTabs(
  panels: Record<PanelName, Panel>,
  first: PanelName,
  onChoose: (panel: PanelName) => void,
): void {
  let current: PanelName | undefined
  const tab = (name: PanelName) => byId(`tab-${name}`, HTMLButtonElement)
  const choose = (name: PanelName) => {
    if (name === current) return
    if (current) panels[current].hide()
    current = name
    for (const other of PANELS) {
      const isChosen = other === name
      tab(other).setAttribute('aria-selected', String(isChosen))
      tab(other).tabIndex = isChosen ? 0 : -1
      byId(`panel-${other}`, HTMLElement).hidden = !isChosen
    }
    panels[name].show()
    onChoose(name)
  }
  PANELS.forEach((name, i) => {
    tab(name).addEventListener('click', () => choose(name))
    tab(name).addEventListener('keydown', (event) => {
      const steps: Record<string, number> = {
        ArrowRight: i + 1,
        ArrowLeft: i - 1,
        Home: 0,
        End: PANELS.length - 1,
      }
      const to = steps[event.key]
      if (to === undefined) return
      event.preventDefault()
      const next = PANELS[(to + PANELS.length) % PANELS.length]
      choose(next)
      tab(next).focus()
    })
  })
  choose(first)
}

function connectPictures(panels: Record<PanelName, Panel>): void {
  const pictures = Object.assign({}, ...PANELS.map((name) => panels[name].pictures)) as Panel['pictures']
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-picture]')) {
    const name = button.dataset.picture ?? ''
    const what = button.textContent === 'PNG' ? `Save this picture (${name}) as PNG` : button.textContent
    button.setAttribute('aria-label', what ?? name)
    button.addEventListener('click', () => {
      pictures[name]()
        .then((canvas) => savePng(`hourglass-${name}.png`, canvas))
        .catch(reportError)
    })
  }
}

function connectLink(query: () => string): void {
  const button = byId('copy-link', HTMLButtonElement)
  button.addEventListener('click', () => {
    const link = new URL(query(), location.href).href
    const say = (text: string) => {
      button.textContent = text
      setTimeout(() => {
        button.textContent = 'Copy link'
      }, 1600)
    }
    // Absent on insecure pages; the link is in the address bar anyway.
    const copied = navigator.clipboard?.writeText(link) ?? Promise.reject(new Error('no clipboard'))
    copied.then(
      () => say('Copied'),
      () => say('See address bar'),
    )
  })
}

/** The model's name and how good it is, at the head of the page. */
function describeModel(session: Session, trainPanel: TrainPanel): void {
  const { model, z } = session
  if (!model) return
  byId('tagline-z', HTMLSpanElement).textContent = String(z)
  byId('model-name', HTMLSpanElement).textContent = model.name
  const detail = byId('model-detail', HTMLSpanElement)
  const { run } = trainPanel
  if (run.isActive) {
    const last = run.history.at(-1)
    detail.textContent = last
      ? `test MSE ${last.testLoss?.toFixed(5)} after epoch ${last.epoch}`
      : 'in training'
    return
  }
  const { version } = session
  session.testMse().then((mse) => {
    if (version === session.version) detail.textContent = `test MSE ${mse.toFixed(5)}`
  }, reportError)
}

/** A page that is left, even one that the browser keeps for going back, holds no workers. */
function freeOnLeaving(session: Session, trainPanel: TrainPanel): void {
  addEventListener('pagehide', () => {
    void trainPanel.run.free()
    void session.dispose()
  })
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload()
  })
}

function tellWhatIsMissing(settings: Settings, cores: number, form: SettingsForm): void {
  if (!crossOriginIsolated && cores > 1) {
    notice(
      `One thread only: this page is not cross-origin isolated, so the browser gives it no shared memory. ` +
        `Training takes up to ${cores} times as long as on all ${cores} cores; the results are the same.`,
    )
  }
  const hasWebgpu = 'gpu' in navigator
  if (!hasWebgpu) {
    form.withoutDevice('webgpu', 'GPU: no WebGPU in this browser')
    if (settings.device === 'webgpu') {
      notice('The link asks for the GPU, but this browser has no WebGPU: the CPU computes instead.')
    }
  }
}

/** Says what it costs where the browser cannot multiply and add in one. */
async function tellArithmetic(session: Session): Promise<void> {
  const { bits } = await session.infer(async (engine) => engine.info)
  if (bits !== WASM_BITS.separate) return
  notice(
    'This browser has no relaxed SIMD (multiply and add in one): training is slower, and its weights differ in ' +
      'their last digits from those of the same seed where there is.',
  )
}

if (await ensureIsolation()) startPage()
