/**
 * Reads mutated files and counts what comes of it. A reader may give something or a DeitError of one short line, in
 * bounded time and memory; anything else stops the run, and the file that did it is kept.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { generator } from "./mutate.mjs";

const limits = { milliseconds: 5000, residentMiB: 512, message: 2000 };

/**
 * Runs `count` cases. `make(next)` draws one: the file's name, its bytes, and `read(path)`, which answers with undefined
 * or with what is wrong in what was read.
 */
export async function fuzz({ make, DeitError }, { count, seed = 0, onProgress }) {
  const folder = await mkdtemp(join(tmpdir(), "deit-fuzz-"));
  const before = process.memoryUsage().rss;
  const figures = { cases: 0, read: 0, refused: 0, slowestMs: 0, grownMiB: 0 };
  for (let i = 0; i < count; i++) {
    const { name, bytes, read } = make(generator(seed * 1_000_003 + i));
    const path = join(folder, name);
    await writeFile(path, bytes);
    const fail = (reason) => {
      throw new Error(`Case ${i} of seed ${seed} (${name}) ${reason}. The file is kept as "${path}".`);
    };
    const start = process.cpuUsage();
    try {
      const wrong = await read(path);
      if (wrong) fail(wrong);
      figures.read++;
    } catch (error) {
      if (!(error instanceof DeitError)) fail(`ended with ${error?.stack ?? error}`);
      if (error.message.length > limits.message || error.message.includes("\n"))
        fail(`ended with a message that is not a short line: ${error.message.slice(0, 200)}`);
      figures.refused++;
    }
    // The processor's time: a machine that is busy with other things is not a fault of the reader.
    const { user, system } = process.cpuUsage(start);
    const took = (user + system) / 1000;
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

/** A reader of folders as one of files: the file is put into a folder under the name `file`, with others beside it. */
export const inFolder = (file, beside, read) => async (path) => {
  const folder = join(dirname(path), "folder");
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(beside)) await writeFile(join(folder, name), bytes);
  await writeFile(join(folder, file), await readFile(path));
  await read(folder).finally(() => rm(folder, { recursive: true }));
};

/** Runs from the command line: `[COUNT] [SEED]`, figures on standard output. */
export async function fuzzFromCommandLine(run) {
  const [count = 100_000, seed = 0] = process.argv.slice(2).map(Number);
  const start = performance.now();
  const kind = basename(process.argv[1], ".mjs");
  const onProgress = (done) => done % 10_000 === 0 && console.error(`${kind}: ${done} of ${count}`);
  const figures = await run({ count, seed, onProgress });
  console.log(JSON.stringify({ kind, seed, ...figures, seconds: (performance.now() - start) / 1000 }));
}
