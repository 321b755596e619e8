/** Modules of worker threads. */
import { packageRoot } from "../files/package-root.js";

/**
 * Where a worker's compiled module lies; `name` is its path under `src`, without ending. Worker threads run JavaScript
 * only, so it is taken from `dist` also where this code runs from its TypeScript source (under vitest; `npm test` builds
 * first).
 */
export const workerUrl = (name: string): URL => new URL(`dist/${name}.js`, packageRoot());
