/** The state of runs that stopped on their way, a file each in one folder. Node only. */
import { access, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readFileBytes } from '../data/node-files.ts'
import { FileError } from '../errors.ts'
import type { RunCheckpoints } from '../experiments/sweep-run.ts'
import { makeDirectory, writeFileAtomically } from '../files/write.ts'
import { readCheckpoint } from '../run/checkpoint.ts'

/**
 * The folder is made when it is first needed. A file that is damaged is as good as none: its run begins anew.
 */
export function checkpointFolder(folder: string): RunCheckpoints {
  const fileOf = (id: string) => join(folder, `${id}.checkpoint.safetensors`)
  return {
    async load(id) {
      const file = fileOf(id)
      if (!(await exists(file))) return undefined
      try {
        return readCheckpoint(await readFileBytes(file), file)
      } catch (error) {
        if (error instanceof FileError) return undefined
        throw error
      }
    },
    async save(id, bytes) {
      await makeDirectory(folder)
      await writeFileAtomically(fileOf(id), bytes)
    },
    async remove(id) {
      await rm(fileOf(id), { force: true })
    },
  }
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
