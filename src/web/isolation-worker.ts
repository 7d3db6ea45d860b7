/**
 * A service worker that passes everything through and adds the two headers of cross-origin isolation, for
 * hosts that cannot set headers. It caches nothing.
 */

/** The part of ServiceWorkerGlobalScope in use: TypeScript's library of it cannot stand beside the page's. */
interface ServiceWorkerScope {
  addEventListener(type: 'install', listener: () => void): void
  addEventListener(
    type: 'activate',
    listener: (event: { waitUntil(done: Promise<void>): void }) => void,
  ): void
  addEventListener(type: 'fetch', listener: (event: FetchEventLike) => void): void
  skipWaiting(): Promise<void>
  readonly clients: { claim(): Promise<void> }
}

interface FetchEventLike {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}

const scope = self as unknown as ServiceWorkerScope

scope.addEventListener('install', () => void scope.skipWaiting())
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()))
scope.addEventListener('fetch', (event) => {
  const { request } = event
  // Browsers refuse to answer this one request of their developer tools from a worker.
  if (request.cache === 'only-if-cached' && request.mode !== 'same-origin') return
  event.respondWith(addHeaders(request))
})

async function addHeaders(request: Request): Promise<Response> {
  const response = await fetch(request)
  // An opaque response has no headers to add to.
  if (response.status === 0) return response
  const headers = new Headers(response.headers)
  headers.set('Cross-Origin-Opener-Policy', 'same-origin')
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp')
  headers.set('Cross-Origin-Resource-Policy', 'same-origin')
  const { status, statusText } = response
  // A response without content must be made without a body.
  const body = status === 204 || status === 304 ? null : response.body
  return new Response(body, { status, statusText, headers })
}
