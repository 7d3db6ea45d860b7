/** Puts the page together: the panels, the tabs between them, the URL, and what belongs to no panel. */
import { WASM_BITS } from '../browser.ts'
import { loadPretrained } from './beside.ts'
import { ComparePanel } from './compare-panel.ts'
import { DenoisePanel } from './denoise-panel.ts'
import { byId, LatestOnly, onThemeChange, setText } from './dom.ts'
import { connectDrops } from './drops.ts'
import { ExplorePanel } from './explore-panel.ts'
import { FilesPanel } from './files-panel.ts'
import { Film } from './film.ts'
import { ensureIsolation } from './isolation.ts'
import { notice, reportError } from './notices.ts'
import { LazyOwnPanel } from './own/lazy.ts'
import type { Panel } from './panel.ts'
import { forgetColors } from './picture.ts'
import type { TrainingRun } from './run.ts'
import { offerKeptRun, RunKeeper } from './run-keeper.ts'
import { downloadFile, savePng } from './save.ts'
import { Session } from './session.ts'
import {
  defaultSettings,
  machineSettings,
  PANELS,
  type PanelName,
  readSettings,
  type Settings,
  writeSettings,
} from './settings.ts'
import { SettingsForm } from './settings-form.ts'
import { connectTour } from './tour.ts'
import { TrainPanel } from './train-panel.ts'

function startPage(): void {
  byId('not-started', HTMLParagraphElement).remove()
  // On a phone the settings would fill the first screen and push Start below it.
  if (matchMedia('(max-width: 760px)').matches) byId('more-settings', HTMLDetailsElement).open = false
  const cores = navigator.hardwareConcurrency || 1
  const read = readSettings(location.search, defaultSettings(cores))
  for (const problem of read.problems) notice(problem)
  const { settings } = read
  let panel = read.panel
  // What a link says of this machine stays in the address, and goes into no link that is copied from here.
  const machine = machineSettings(location.search)

  const session = new Session()
  const form = new SettingsForm(settings, (changed) => trainPanel.settingsChanged(changed))
  const showAddress = () => {
    const query = writeSettings(trainPanel.linked, panel, machine)
    // While somebody types, most is the same, and Safari refuses more than 100 changes in 30 s.
    if (query !== location.search) history.replaceState(null, '', query)
  }
  const keeper = new RunKeeper()
  const keep = (run: TrainingRun) => {
    keeper.keep(run)
    describe()
  }
  const trainPanel = new TrainPanel(session, form, settings, reportError, keep, showAddress)
  const describe = connectModelChip(session, trainPanel)
  const own = new LazyOwnPanel(trainPanel, reportError)
  const files = new FilesPanel(session, trainPanel, reportError)
  const panels: Record<PanelName, Panel> = {
    train: trainPanel,
    denoise: new DenoisePanel(session, reportError),
    explore: new ExplorePanel(session, reportError),
    compare: new ComparePanel(session, trainPanel, reportError),
    data: own,
    files,
  }

  const choosePanel = connectTabs(panels, panel, (chosen, isNew) => {
    panel = chosen
    // Back then returns to the panel before, and not to the page before this one.
    if (isNew) history.pushState(null, '', writeSettings(trainPanel.linked, panel, machine))
    else showAddress()
  })
  addEventListener('popstate', () => choosePanel(readSettings(location.search, settings).panel))
  connectDrops((dropped) => {
    if (files.takes(dropped)) return
    choosePanel('data', true)
    own.open(dropped).catch(reportError)
  })
  connectPictures(panels)
  connectLink(() => writeSettings(trainPanel.linked, panel))
  connectTour(choosePanel, () => session.z)
  connectFilm(session, trainPanel)
  const redraw = () => {
    forgetColors()
    panels[panel].redraw()
  }
  onThemeChange(redraw)
  addEventListener('resize', redraw)
  freeOnLeaving(session, trainPanel)
  keeper.warnOnLeaving(trainPanel, own)
  tellWhatIsMissing(settings, cores, form)
  loadPretrained()
    .then((model) => session.use(model))
    .then(() => {
      void offerKeptRun(trainPanel, choosePanel)
      fetchWhenIdle(session)
      return tellArithmetic(session)
    })
    .catch((error: unknown) => {
      byId('model-name', HTMLSpanElement).textContent = 'No model yet'
      reportError(error)
    })
}

function connectTabs(
  panels: Record<PanelName, Panel>,
  first: PanelName,
  onChoose: (panel: PanelName, isNew: boolean) => void,
): (panel: PanelName, isNew?: boolean) => void {
  let current: PanelName | undefined
  const tab = (name: PanelName) => byId(`tab-${name}`, HTMLButtonElement)
  const choose = (name: PanelName, isNew = false) => {
    if (name === current) return
    // A panel begins at its top, wherever the one before was left.
    const bar = tab(name).parentElement?.offsetHeight ?? 0
    if (current) scrollTo({ top: Math.min(scrollY, byId('panels', HTMLElement).offsetTop - bar) })
    if (current) panels[current].hide()
    current = name
    for (const other of PANELS) {
      const isChosen = other === name
      tab(other).setAttribute('aria-selected', String(isChosen))
      tab(other).tabIndex = isChosen ? 0 : -1
      byId(`panel-${other}`, HTMLElement).hidden = !isChosen
    }
    panels[name].show()
    onChoose(name, isNew)
  }
  PANELS.forEach((name, i) => {
    tab(name).addEventListener('click', () => choose(name, true))
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
      choose(next, true)
      tab(next).focus()
    })
  })
  choose(first)
  return choose
}

function connectPictures(panels: Record<PanelName, Panel>): void {
  const pictures = Object.assign({}, ...PANELS.map((name) => panels[name].pictures)) as Panel['pictures']
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-picture]')) {
    const name = button.dataset.picture ?? ''
    const what = button.textContent === 'PNG' ? `Save this picture (${name}) as PNG` : button.textContent
    button.setAttribute('aria-label', what ?? name)
    button.addEventListener('click', () => {
      pictures[name]()
        .then((picture) => savePng(`hourglass-${name}.png`, picture))
        .catch(reportError)
    })
  }
}

/** Films the run as it trains, whatever panel is in view. */
function connectFilm(session: Session, trainPanel: TrainPanel): void {
  const film = new Film(session)
  const latest = new LatestOnly()
  let filmed: TrainingRun | undefined
  session.onChange(() => {
    const { run } = trainPanel
    if (!run.isShown || !run.hasBegun) return
    if (run !== filmed) film.clear()
    filmed = run
    const progress = run.history.length + run.epochFraction
    latest.run(() => film.take(progress, run.history).catch(reportError))
  })
  const button = byId('film', HTMLButtonElement)
  button.addEventListener('click', () => {
    const label = button.textContent
    film
      .gif((done, all) => setText(button, `${done} of ${all}`))
      .then((gif) => downloadFile('hourglass-run.gif', gif), reportError)
      .finally(() => setText(button, label ?? 'GIF'))
  })
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

/**
 * The model's name and how good it is, at the head of the page. Returns what describes it anew, after a run
 * has gone on or ended.
 */
function connectModelChip(session: Session, trainPanel: TrainPanel): () => void {
  const detail = byId('model-detail', HTMLSpanElement)
  /** The version of the weights whose error stands there. */
  let measured: number | undefined
  const say = (text: string, of?: number) => {
    setText(detail, text)
    measured = of
  }
  const describe = () => {
    const { model, version, z } = session
    if (!model) return
    byId('tagline-z', HTMLSpanElement).textContent = String(z)
    setText(byId('model-name', HTMLSpanElement), model.name)
    const { run } = trainPanel
    if (run.isActive && run.isShown) {
      const last = run.history.at(-1)
      say(last ? `test MSE ${last.testLoss?.toFixed(5)} after epoch ${last.epoch}` : 'in training')
      return
    }
    if (measured === version) return
    say('measuring …')
    // All test digits are a third of the page: they come once it stands.
    whenIdle(() => {
      if (version !== session.version) return
      session.testMse().then(
        (mse) => {
          if (version === session.version) say(`test MSE ${mse.toFixed(5)}`, version)
        },
        (error: unknown) => {
          if (version === session.version) say('')
          reportError(error)
        },
      )
    })
  }
  session.onChange(describe)
  return describe
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
      `One thread only, for the host does not isolate this page: training takes up to ${cores} times as long, ` +
        'to the same weights.',
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

const IDLE_MS = 1500

/** The digits that training needs come while nobody waits for them; not where the visitor saves data. */
function fetchWhenIdle(session: Session): void {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } }
  if (connection?.saveData) return
  // What fails here fails again, and is said, when it is needed.
  whenIdle(() => {
    session
      .testSet()
      .then(() => session.trainingSet(() => undefined))
      .catch(() => undefined)
  })
}

/** Safari has no such call: a moment later then. */
function whenIdle(work: () => void): void {
  if ('requestIdleCallback' in globalThis) requestIdleCallback(work, { timeout: IDLE_MS })
  else setTimeout(work, IDLE_MS)
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
