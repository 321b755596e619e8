/**
 * Where a worker's compiled module lives. Worker threads run JavaScript only, so when this code runs from its
 * TypeScript source (under vitest) the worker is taken from `dist`, which `npm test` builds first.
 */
export function workerUrl(parentUrl: string, name: string): URL {
  const parent = parentUrl.endsWith(".ts") ? parentUrl.replace(/\/src\/(?!.*\/src\/)/, "/dist/") : parentUrl;
  return new URL(`./${name}.js`, parent);
}
