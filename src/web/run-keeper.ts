/** Keeps the run under way in the browser, asks before unkept work is left, offers it at the next visit. */
import { forgetRun, type KeptRun, keepRun, keptRun } from './autosave.ts'
import { element, nextTask } from './dom.ts'
import { readModelFile } from './model-files.ts'
import { notice, reportError } from './notices.ts'
import type { LazyOwnPanel } from './own/lazy.ts'
import type { TrainingRun } from './run.ts'
import type { PanelName } from './settings.ts'
import type { TrainPanel } from './train-panel.ts'

/** How often a run that trains is kept at most: its checkpoint is three times the weights. */
const KEEP_MS = 8000

/** Keeps the run in the browser while it trains, and asks before unkept work is left. */
export class RunKeeper {
  #keptMs = 0
  /** The epoch and phase that were kept last. */
  #kept = ''

  keep(run: TrainingRun): void {
    if (run.isActive && performance.now() - this.#keptMs < KEEP_MS) return
    this.#keptMs = performance.now()
    const state = stateOf(run)
    const { history, settings } = run
    run
      .checkpoint()
      .then(async (file) => {
        await nextTask()
        const { epochs } = settings
        return keepRun({
          name: run.name,
          epoch: history.length,
          epochs,
          keptAt: Date.now(),
          file,
        })
      })
      .then((isKept) => {
        if (isKept) this.#kept = state
      }, reportError)
  }

  /** `own` may be training as well. */
  warnOnLeaving(trainPanel: TrainPanel, own: LazyOwnPanel): void {
    addEventListener('beforeunload', (event) => {
      const { run } = trainPanel
      if (own.isTraining || run.isActive || (run.hasBegun && this.#kept !== stateOf(run)))
        event.preventDefault()
    })
  }
}

function stateOf(run: TrainingRun): string {
  return `${run.name} ${run.history.length} ${run.epochFraction}`
}

/** Offers the run that was under way when the page was left. */
export async function offerKeptRun(
  trainPanel: TrainPanel,
  choose: (panel: PanelName) => void,
): Promise<void> {
  const kept = await keptRun()
  if (!kept) return
  const when = new Date(kept.keptAt).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  const open = element('button', { type: 'button', textContent: 'Open it' })
  const forget = element('button', { type: 'button', textContent: 'Forget it' })
  const close = notice(
    `${kept.name}, after epoch ${kept.epoch} of ${kept.epochs}, is kept in this browser (${when}).`,
    'info',
    [open, forget],
  )
  open.addEventListener('click', () => {
    close?.()
    choose('train')
    openKept(kept, trainPanel).catch(reportError)
  })
  forget.addEventListener('click', () => {
    close?.()
    void forgetRun()
  })
}

async function openKept(kept: KeptRun, trainPanel: TrainPanel): Promise<void> {
  const file = new File([kept.file], 'the kept run.checkpoint.safetensors')
  const { checkpoint } = await readModelFile(file)
  if (checkpoint) await trainPanel.open(checkpoint, 'the kept run')
}
