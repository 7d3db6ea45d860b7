/**
 * A process that holds and writes files, for tests to run beside another and to kill.
 *
 *   node writer.ts hold FILE …          holds the files, prints `held PID` and waits to be killed
 *   node writer.ts try FILE …           holds the files and lets go of them; prints `held` or the error
 *   node writer.ts write FILE FROM TO   writes what `content` makes of FROM, FROM + 1 … TO, in turn
 */
import { holdOutputs, writeFileAtomically } from '../../../src/files/write.ts'
import { content } from './content.ts'

const [mode, ...args] = process.argv.slice(2)
if (mode === 'write') {
  const [file, from, to] = args
  const outputs = await holdOutputs([file])
  for (let version = Number(from); version <= Number(to); version++) {
    await writeFileAtomically(file, content(version))
  }
  await outputs.release()
} else {
  try {
    const outputs = await holdOutputs(args)
    if (mode === 'hold') {
      console.log(`held ${process.pid}`)
      setInterval(() => undefined, 1000)
    } else {
      await outputs.release()
      console.log('held')
    }
  } catch (error) {
    console.log(String(error))
  }
}
