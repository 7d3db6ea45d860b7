/** A file may be dropped anywhere on the page; the frames in the panels show where. */

export function connectDrops(onDrop: (dropped: DataTransfer) => void): void {
  const frames = document.querySelectorAll('.drop')
  const mark = (isOver: boolean) => {
    for (const frame of frames) frame.classList.toggle('over', isOver)
  }
  addEventListener('dragover', (event) => {
    event.preventDefault()
    mark(true)
  })
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) mark(false)
  })
  addEventListener('drop', (event) => {
    event.preventDefault()
    mark(false)
    if (event.dataTransfer && event.dataTransfer.files.length > 0) onDrop(event.dataTransfer)
  })
}
