/** The files of a drop, those within folders too. */
import { FileError } from '../../browser.ts'
import { type PlacedFile, placed } from '../../data/sources/browser.ts'

/** More pictures than a page can hold. */
const MOST_FILES = 200_000

/** @param files what the drop says where it gives no entries, as one that a program made */
export async function droppedFiles(
  entries: readonly (FileSystemEntry | null)[],
  files: readonly File[],
): Promise<PlacedFile[]> {
  if (entries.some((entry) => entry === null)) return placed(files)
  const found: PlacedFile[] = []
  for (const entry of entries) if (entry) await gather(entry, found)
  return found
}

async function gather(entry: FileSystemEntry, found: PlacedFile[]): Promise<void> {
  if (isFile(entry)) {
    if (found.length >= MOST_FILES) {
      throw new FileError(entry.name, `expected a folder of at most ${MOST_FILES} files, found more`)
    }
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject))
    found.push({ file, path: entry.fullPath.slice(1) })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    // A directory is told in parts, and by an empty one that there are no more.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (part.length === 0) return
    for (const inner of part) await gather(inner, found)
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile
}
