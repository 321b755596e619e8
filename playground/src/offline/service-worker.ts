/**
 * Keeps the page for when there is no network: its own files at once, ONNX Runtime and weights when they are first used.
 * It also asks for cross-origin isolation, which ONNX Runtime needs for threads and which static hosts do not ask for.
 */
declare const self: ServiceWorkerGlobalScope;
/** Replaced by the build: the files of the page, and a name for this state of them. */
declare const __SHELL__: { readonly version: string; readonly files: readonly string[] };

const { version, files } = __SHELL__;
const prefix = "deit-playground-";
const shell = `${prefix}${version}`;
/** Whatever is larger stays through new versions of the page. */
const large = `${prefix}models`;

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(shell);
      await cache.addAll(["./", "playground.json", ...files.filter((name) => name !== "index.html")]);
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((n) => n.startsWith(prefix) && n !== shell && n !== large);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = pathOf(request.url);
  if (request.method !== "GET" || path === undefined) return;
  // Other addresses of the server are none of the page's.
  if (/^assets\/[^/]+$/.test(path)) event.respondWith(keptFirst(request));
  else if (path === "" || path === "index.html" || path === "playground.json" || files.includes(path))
    event.respondWith(networkFirst(request, shell));
  else if (/^ort\/[\w.-]+$|^models\/[^/]+(\.safetensors|\/weights)$/.test(path))
    event.respondWith(networkFirst(request, large));
});

/** The path below the folder of the page; undefined for addresses elsewhere. */
function pathOf(address: string): string | undefined {
  const { scope } = self.registration;
  return address.startsWith(scope) ? new URL(address).pathname.slice(new URL(scope).pathname.length) : undefined;
}

/** For files whose name changes with their contents. */
async function keptFirst(request: Request): Promise<Response> {
  const kept = await caches.match(request);
  return isolating(kept ?? (await fetch(request)));
}

/** What the network gives, and without it what was kept. */
async function networkFirst(request: Request, cacheName: string): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.status === 200) await keep(request, response.clone(), cacheName);
    return isolating(response);
  } catch (error) {
    const kept = await caches.match(request, { ignoreSearch: true });
    if (kept) return isolating(kept);
    throw error;
  }
}

/** A full disk does not keep the page from working. */
async function keep(request: Request, response: Response, cacheName: string): Promise<void> {
  try {
    await (await caches.open(cacheName)).put(request, response);
  } catch (error) {
    console.warn(error);
  }
}

function isolating(response: Response): Response {
  if (response.type === "opaque" || response.redirected) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

export {};
