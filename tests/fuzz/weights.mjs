/**
 * Reads mutated files of weights and counts what comes of it. A reader may give tensors or a DeitError of one short
 * line, in bounded time and memory; anything else stops the run, and the file that did it is kept.
 *
 *   npm run build && node tests/fuzz/weights.mjs [COUNT] [SEED]
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generator, mutateBytes, mutateSafetensors, mutateZipEntry } from "./mutate.mjs";

const fixtures = fileURLToPath(new URL("../fixtures/weights/", import.meta.url));
const limits = { milliseconds: 5000, residentMiB: 512, message: 2000 };

/** Runs `count` cases on `{ loadWeights, DeitError }` and answers with the figures. */
export async function fuzzWeights({ loadWeights, DeitError }, { count, seed = 0, onProgress }) {
  const folder = await mkdtemp(join(tmpdir(), "deit-fuzz-"));
  const originals = await readOriginals();
  const before = process.memoryUsage().rss;
  const figures = { cases: 0, tensors: 0, refused: 0, slowestMs: 0, grownMiB: 0 };
  for (let i = 0; i < count; i++) {
    const next = generator(seed * 1_000_003 + i);
    const { name, bytes } = mutated(originals, next);
    const path = join(folder, name);
    await writeFile(path, bytes);
    const fail = (reason) => {
      throw new Error(`Case ${i} of seed ${seed} (${name}) ${reason}. The file is kept as "${path}".`);
    };
    const start = performance.now();
    try {
      const { tensors } = await loadWeights(path);
      for (const [tensor, t] of tensors) {
        const elements = t.shape.reduce((n, d) => n * d, 1);
        if (t.data.length !== elements) fail(`gave ${t.data.length} elements for "${tensor}" of [${t.shape}]`);
      }
      figures.tensors++;
    } catch (error) {
      if (!(error instanceof DeitError)) fail(`ended with ${error?.stack ?? error}`);
      if (error.message.length > limits.message || error.message.includes("\n"))
        fail(`ended with a message that is no short line: ${error.message.slice(0, 200)}`);
      figures.refused++;
    }
    const took = performance.now() - start;
    figures.slowestMs = Math.max(figures.slowestMs, took);
    figures.grownMiB = Math.max(figures.grownMiB, (process.memoryUsage.rss() - before) / 2 ** 20);
    if (took > limits.milliseconds) fail(`took ${Math.round(took)} ms`);
    if (figures.grownMiB > limits.residentMiB)
      fail(`took memory to ${Math.round(figures.grownMiB)} MiB above the start`);
    figures.cases++;
    if (figures.cases % 1000 === 0) onProgress?.(figures.cases);
  }
  await rm(folder, { recursive: true });
  return figures;
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
  const [count = 100_000, seed = 0] = process.argv.slice(2).map(Number);
  const { loadWeights } = await import("../../dist/weights/load.js");
  const { DeitError } = await import("../../dist/errors.js");
  const start = performance.now();
  const figures = await fuzzWeights(
    { loadWeights, DeitError },
    { count, seed, onProgress: (done) => process.stderr.write(`\r${done} of ${count}`) },
  );
  process.stderr.write("\n");
  console.log(JSON.stringify({ ...figures, seconds: (performance.now() - start) / 1000 }));
}
