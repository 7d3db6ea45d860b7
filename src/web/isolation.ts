/**
 * Shared memory, and with it more than one thread, needs a page that is cross-origin isolated: served with
 * two headers. Hosts that cannot set them get a service worker that adds them (`isolation-worker.ts`), at the
 * price of one reload.
 */

/** Remembers a reload that did not help, so that there is no second. */
const RELOADED = 'hourglass-isolation-reload'
/** The page does not wait longer than this for the service worker. */
const PATIENCE_MS = 4000

/**
 * Makes the page isolated if it can be. Resolves to false where the page is about to reload; to true where it
 * should go on as it is, isolated or not.
 */
export async function ensureIsolation(): Promise<boolean> {
  if (crossOriginIsolated || !('serviceWorker' in navigator)) return true
  try {
    // Where site data are blocked, this throws, and so would the registration.
    if (sessionStorage.getItem(RELOADED)) return true
    const url = new URL('./isolation-worker.js', document.baseURI)
    const { installing, waiting, active } = await navigator.serviceWorker.register(url)
    await activated(active ?? waiting ?? installing)
    sessionStorage.setItem(RELOADED, '1')
  } catch {
    // Not allowed here (an insecure or private page): one thread it is, and the page says so.
    return true
  }
  location.reload()
  return false
}

/** Resolves when the service worker is at work; rejects when it does not get there in good time. */
function activated(worker: ServiceWorker | null): Promise<void> {
  return new Promise((resolve, reject) => {
    if (worker?.state === 'activated') resolve()
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve()
    })
    setTimeout(() => reject(new Error('the service worker did not start')), PATIENCE_MS)
  })
}
