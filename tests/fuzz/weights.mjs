/**
 * Mutated files of weights, safetensors and pickles.
 *
 *   npm run build && node tests/fuzz/weights.mjs [COUNT] [SEED]
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fuzz, fuzzFromCommandLine } from "./harness.mjs";
import { mutateBytes, mutateSafetensors, mutateZipEntry } from "./mutate.mjs";

const fixtures = fileURLToPath(new URL("../fixtures/weights/", import.meta.url));

/** Runs cases on `{ loadWeights, DeitError }` and answers with the figures. */
export async function fuzzWeights({ loadWeights, DeitError }, options) {
  const originals = await readOriginals();
  const read = async (path) => {
    const { tensors } = await loadWeights(path);
    for (const [tensor, t] of tensors) {
      const elements = t.shape.reduce((n, d) => n * d, 1);
      if (t.data.length !== elements) return `gave ${t.data.length} elements for "${tensor}" of [${t.shape}]`;
    }
  };
  return fuzz({ make: (next) => ({ ...mutated(originals, next), read }), DeitError }, options);
}

async function readOriginals() {
  const names = (await readdir(fixtures)).filter((n) => /\.(pth|safetensors)$/.test(n));
  return Promise.all(names.sort().map(async (name) => ({ name, bytes: await readFile(join(fixtures, name)) })));
}

function mutated(originals, next) {
  const { name, bytes } = originals[next(originals.length)];
  const other = originals[next(originals.length)].bytes;
  const knowing =
    bytes.readUInt32BE(0) === 0x504b0304 ? mutateZipEntry : name.endsWith(".pth") ? mutateBytes : mutateSafetensors;
  return { name, bytes: next(3) === 0 ? mutateBytes(bytes, next, other) : knowing(bytes, next) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { loadWeights } = await import("../../dist/weights/load.js");
  const { DeitError } = await import("../../dist/errors/errors.js");
  await fuzzFromCommandLine((options) => fuzzWeights({ loadWeights, DeitError }, options));
}
