/**
 * Reads mutated data sets and images, and counts what comes of it: a reader may give a data set whose samples can be
 * read, or a DeitError of one short line, in bounded time and memory. Anything else stops the run, and what did it is
 * kept.
 *
 *   npm run build && node tests/fuzz/data.mjs [COUNT] [SEED]
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generator, mutateBytes, mutateTar } from "./mutate.mjs";

const data = fileURLToPath(new URL("../fixtures/data/", import.meta.url));
const images = fileURLToPath(new URL("../fixtures/images/", import.meta.url));
const limits = { milliseconds: 20_000, residentMiB: 1024, message: 2000 };

/** A case: the file that is mutated, where it is put, and the name the data set is opened by (itself unless told). */
const list = 'path,label,split\na.png,ant,train\n"b, c.png",bee,train\na.png,2,val\n';
const lines = '{"path": "a.png", "label": 1}\n{"file_name": "b.png", "label": "x", "split": "train"}\n';
const kinds = [
  { weight: 40, of: (name) => /\.(jpg|png|webp|gif|tiff)$/.test(name), from: images, read: "image" },
  { weight: 15, of: (name) => name.endsWith(".tar"), from: data, read: "file" },
  { weight: 3, of: (name) => name.endsWith(".parquet"), from: data, read: "file" },
  {
    weight: 14,
    of: (name) => /^(data_batch_1|batches\.meta)$/.test(name),
    from: join(data, "cifar-10-batches-py"),
    read: "folder",
  },
  { weight: 6, of: (name) => /^(train|meta)$/.test(name), from: join(data, "cifar-100-python"), read: "folder" },
  { weight: 7, of: (name) => name.endsWith(".bin"), from: join(data, "cifar-10-batches-bin"), read: "folder" },
  { weight: 5, texts: { "list.csv": list, "list.tsv": list.replaceAll(",", "\t") }, read: "file" },
  { weight: 5, texts: { "list.jsonl": lines }, read: "file" },
  { weight: 5, of: (name) => name.endsWith(".mat"), from: data, read: "mat" },
];

/** Runs `count` cases on the readers of `library` and answers with the figures. */
export async function fuzzData(library, { count, seed = 0, onProgress }) {
  const folder = await mkdtemp(join(tmpdir(), "deit-fuzz-"));
  process.env.DEIT_CACHE ??= join(folder, "cache");
  const originals = await readOriginals();
  const total = originals.reduce((sum, o) => sum + o.weight, 0);
  const before = process.memoryUsage.rss();
  const figures = { cases: 0, read: 0, refused: 0, slowestMs: 0, grownMiB: 0, perKind: {} };
  for (let i = 0; i < count; i++) {
    const next = generator(seed * 1_000_003 + i);
    let at = next(total);
    const original = originals.find((o) => (at -= o.weight) < 0);
    const files = mutated(original, originals, next);
    const place = join(folder, `case-${i}`);
    for (const [name, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(place, name)), { recursive: true });
      await writeFile(join(place, name), bytes);
    }
    const fail = (reason) => {
      throw new Error(`Case ${i} of seed ${seed} (${original.name}) ${reason}. Its files are kept in "${place}".`);
    };
    const start = performance.now();
    let outcome = "read";
    try {
      await read(library, original, place);
    } catch (error) {
      if (!(error instanceof library.DeitError)) fail(`ended with ${error?.stack ?? error}`);
      if (error.message.length > limits.message || error.message.includes("\n"))
        fail(`ended with a message that is no short line: ${error.message.slice(0, 200)}`);
      outcome = "refused";
    }
    const took = performance.now() - start;
    figures[outcome]++;
    figures.cases++;
    const kind = (figures.perKind[original.kind] ??= { read: 0, refused: 0 });
    kind[outcome]++;
    figures.slowestMs = Math.max(figures.slowestMs, took);
    figures.grownMiB = Math.max(figures.grownMiB, (process.memoryUsage.rss() - before) / 2 ** 20);
    if (took > limits.milliseconds) fail(`took ${Math.round(took)} ms`);
    if (figures.grownMiB > limits.residentMiB)
      fail(`took memory to ${Math.round(figures.grownMiB)} MiB above the start`);
    await rm(place, { recursive: true });
    if (figures.cases % 500 === 0) {
      await rm(join(folder, "cache"), { recursive: true, force: true });
      onProgress?.(figures.cases);
    }
  }
  await rm(folder, { recursive: true });
  return figures;
}

/** Opens what is there and reads its first samples, as training would. */
async function read({ openDataset, readSample, decodeImage, readMat }, { kind, name }, place) {
  if (kind === "image") {
    const bytes = await readFile(join(place, name));
    for (const jpeg of ["exact", "fast"]) check(await decodeImage(bytes, { name, jpeg, maxPixels: 4_000_000 }));
    return;
  }
  if (kind === "mat") return void (await readMat(join(place, name)));
  const dataset = await openDataset(kind === "file" ? join(place, name) : place, { split: "train" });
  for (let i = 0; i < Math.min(4, dataset.length); i++) {
    if (!(dataset.label(i) < dataset.classes.length)) throw new Error("a label of no class");
    check(await readSample(dataset.source(i), { jpeg: "exact", maxPixels: 4_000_000 }));
  }
}

function check({ width, height, data: pixels }) {
  if (pixels.length !== width * height * 3) throw new Error(`${pixels.length} bytes for ${width}×${height} pixels`);
}

async function readOriginals() {
  const found = [];
  for (const { weight, of, from, texts, read: kind } of kinds) {
    const names = texts ? Object.keys(texts) : (await readdir(from)).filter(of).sort();
    const content = (name) => (texts ? Buffer.from(texts[name]) : readFile(join(from, name)));
    const contents = await Promise.all(names.map(content));
    // A file of a folder needs the others of its folder.
    const beside = kind === "folder" ? Object.fromEntries(names.map((n, i) => [n, contents[i]])) : {};
    for (const [i, name] of names.entries())
      found.push({
        name,
        kind,
        bytes: contents[i],
        beside,
        weight: Math.max(1, Math.round((10 * weight) / names.length)),
      });
  }
  return found;
}

function mutated({ name, bytes, beside }, originals, next) {
  const other = originals[next(originals.length)].bytes;
  const knowing = name.endsWith(".tar") && next(2) === 0;
  return { ...beside, [name]: knowing ? mutateTar(bytes, next) : mutateBytes(bytes, next, other) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = 100_000, seed = 0] = process.argv.slice(2).map(Number);
  const library = {
    ...(await import("../../dist/data/open.js")),
    ...(await import("../../dist/data/view.js")),
    ...(await import("../../dist/data/decode.js")),
    ...(await import("../../dist/data/archive/mat.js")),
    ...(await import("../../dist/errors.js")),
  };
  const start = performance.now();
  const figures = await fuzzData(library, {
    count,
    seed,
    onProgress: (done) => process.stderr.write(`\r${done} of ${count}`),
  });
  process.stderr.write("\n");
  console.log(JSON.stringify({ ...figures, seconds: Math.round((performance.now() - start) / 1000) }));
}
