/**
 * Shared memory, and with it more than one thread, needs a page that is cross-origin isolated: served with two headers.
 * Hosts that cannot set them get a service worker that adds them (`isolation-worker.ts`), at the price of one reload.
 */

/** Remembers a reload that did not help, so that there is no second. */
const RELOADED = 'hourglass-isolation-reload'

/**
 * Makes the page isolated if it can be. Resolves to false where the page is about to reload; to true where it should go
 * on as it is, isolated or not.
 */
export async function ensureIsolation(): Promise<boolean> {
  if (crossOriginIsolated || !('serviceWorker' in navigator)) return true
  if (sessionStorage.getItem(RELOADED)) return true
  try {
    await navigator.serviceWorker.register(new URL('./isolation-worker.js', document.baseURI))
    await navigator.serviceWorker.ready
  } catch {
    // Not allowed here (an insecure or private page): one thread it is, and the page says so.
    return true
  }
  sessionStorage.setItem(RELOADED, '1')
  location.reload()
  return false
}
