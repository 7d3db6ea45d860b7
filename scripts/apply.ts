/**
 * `npm run apply -- NAME -l FILE`: one of the five applications of a trained model, with figures, table and
 * JSON.
 */
import { join } from 'node:path'
import { loadDataset } from '../src/data/node-files.ts'
import { createEngine } from '../src/engines/create.ts'
import { UsageError } from '../src/errors.ts'
import { tableToMarkdown } from '../src/experiments/table.ts'
import { holdOutputs, makeDirectory, writeFileAtomically } from '../src/files/write.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import {
  APPLICATION_NAMES,
  type Application,
  type ApplicationFlag,
  type ApplicationName,
  applicationOptions,
  applications,
  loadFittingModel,
} from './applications.ts'
import {
  commandLine,
  DEFAULT_OUT,
  dataOption,
  engineOptions,
  jsonOption,
  path,
  runCommand,
  seedOption,
} from './cli.ts'
import { drawOrNotice, figuresOrNotice } from './figures.ts'
import { loadOption } from './model-option.ts'
import { printTable } from './print-table.ts'
import { duration, type ProgressBar, progressBar } from './progress-bar.ts'

const USAGE = [
  'npm run apply -- NAME -l FILE [flags]',
  '',
  ...APPLICATION_NAMES.map((name) => `${name.padEnd(9)} ${applications[name].describe}`),
].join('\n')

async function parseFlags(args: string[]) {
  return await commandLine(USAGE, args, [`NAME (${APPLICATION_NAMES.join(', ')})`])
    .options({
      load: loadOption,
      ...applicationOptions,
      seed: seedOption(0),
      out: {
        describe: 'directory of the figures, NAME.md and NAME.json',
        default: `${DEFAULT_OUT}/applications`,
        requiresArg: true,
        coerce: path('out'),
      },
      ...engineOptions,
      data: dataOption,
      json: jsonOption,
    } as const)
    .parseAsync()
}

async function main(args: string[]): Promise<number | undefined> {
  const flags = await parseFlags(args)
  const name = applicationName(String(flags._[0]))
  const application: Application = applications[name]
  for (const flag of Object.keys(applicationOptions) as ApplicationFlag[]) {
    if (flags[flag] !== undefined && !application.flags.includes(flag)) {
      throw new UsageError(`--${flag}: not a flag of ${name}`)
    }
  }
  const dataset = await loadDataset(flags.data)
  const model = await loadFittingModel(flags.load, dataset.train)
  const files = { table: join(flags.out, `${name}.md`), json: join(flags.out, `${name}.json`) }
  await makeDirectory(flags.out)
  const outputs = await holdOutputs(Object.values(files))
  for (const note of outputs.notes) console.error(note)
  const canDraw = await figuresOrNotice()

  const bar = progressBar(process.stderr)
  const interrupt = onInterrupt(() => bar.clear())
  const phases = showPhases(name, bar)
  try {
    const outcome = await application.run(
      {
        createEngine: (network) => createEngine(network, flags),
        dataset,
        seed: flags.seed,
        signal: interrupt.signal,
        onProgress: phases.show,
      },
      model,
      flags,
    )
    phases.end()
    const summary = {
      application: name,
      model: flags.load,
      data: dataset.name,
      seed: flags.seed,
      ...outcome.summary,
    }
    await writeFileAtomically(files.table, tableToMarkdown(outcome.table))
    await writeFileAtomically(files.json, `${JSON.stringify(summary, null, 2)}\n`)
    if (flags.json) console.log(JSON.stringify(summary))
    else printTable(outcome.table)
    const figures = (canDraw && (await drawOrNotice(outcome.figures))) ?? []
    for (const { name: figure, png } of figures) await writeFileAtomically(join(flags.out, figure), png)
    if (!flags.json) {
      const names = [`${name}.md`, `${name}.json`, ...figures.map((one) => one.name)]
      console.log(`${flags.out}: ${names.join(', ')}`)
    }
    return interrupt.exitCode()
  } catch (error) {
    phases.end()
    // What an abort interrupted did not fail.
    if (interrupt.exitCode() !== undefined) return interrupt.exitCode()
    throw error
  } finally {
    interrupt.release()
    await outputs.release()
  }
}

/** Draws what is being done, and every second for how long: a phase may tell nothing for a minute. */
function showPhases(name: string, bar: ProgressBar) {
  let phase = { what: '', share: 0, startMs: 0 }
  const draw = () => {
    const seconds = (performance.now() - phase.startMs) / 1000
    bar.draw(name, phase.share, seconds < 2 ? phase.what : `${phase.what}, for ${duration(seconds)}`)
  }
  const timer = setInterval(() => phase.startMs > 0 && draw(), 1000)
  return {
    show(what: string, share: number) {
      phase = { what, share, startMs: what === phase.what ? phase.startMs : performance.now() }
      draw()
    },
    end() {
      clearInterval(timer)
      bar.clear()
    },
  }
}

function applicationName(word: string): ApplicationName {
  const name = APPLICATION_NAMES.find((candidate) => candidate === word)
  if (name === undefined) {
    throw new UsageError(`NAME: expected one of ${APPLICATION_NAMES.join(', ')}, found ${word}`)
  }
  return name
}

await runCommand(main)
