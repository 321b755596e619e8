/** Registers the service worker, through which the page works offline. */

/** How long the page waits for it at most before it loads what should be kept, in milliseconds. */
const patience = 4000;

/**
 * Resolves when files that are loaded from now on are kept. The page works without, in browsers that have no service
 * workers or in pages that may not use them (no HTTPS).
 */
export async function keepingFiles(): Promise<void> {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  const taken = new Promise<void>((resolve) => {
    if (serviceWorker.controller) resolve();
    else serviceWorker.addEventListener("controllerchange", () => resolve(), { once: true });
    setTimeout(resolve, patience);
  });
  try {
    await serviceWorker.register(new URL("./service-worker.js", document.baseURI));
  } catch (error) {
    console.warn(error);
    return;
  }
  await taken;
}
