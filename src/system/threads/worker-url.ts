/** Modules of worker threads. */
import { packageRoot } from "../files/package-root.js";

/**
 * The URL of a worker's compiled module; `name` is its path under `src`, without extension. Worker threads run only
 * JavaScript, so it is taken from `dist` even when this code runs from its TypeScript source (under vitest; `npm test`
 * builds first).
 */
export const workerUrl = (name: string): URL => new URL(`dist/${name}.js`, packageRoot());
