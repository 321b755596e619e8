/**
 * Mutated images, archives and lists, read as training would read them. Of the 100 cases that are drawn, a kind gets as
 * many as its weight says.
 *
 *   npm run build && node tests/fuzz/data.mjs [COUNT] [SEED]
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fuzz, fuzzFromCommandLine, inFolder } from "./harness.mjs";
import { mutateBytes, mutateJson, mutatePng, mutateTar } from "./mutate.mjs";

const data = fileURLToPath(new URL("../fixtures/data/", import.meta.url));
const images = fileURLToPath(new URL("../fixtures/images/", import.meta.url));
const mostPixels = 4_000_000;

/** An image that lists can name. */
const picture = "one_pixel.png";
const csv = `path,label,split\n${picture},ant,train\n"./${picture}",bee,train\n${picture},2,val\n`;
const jsonl = `{"path": "${picture}", "label": 1}\n{"file_name": "${picture}", "label": "x", "split": "train"}\n`;
const inaturalist = JSON.stringify({
  images: [
    { id: 7, file_name: picture },
    { id: 9, file_name: `./${picture}` },
  ],
  annotations: [
    { id: 1, image_id: 7, category_id: 0 },
    { id: 2, image_id: 9, category_id: 1 },
  ],
  categories: [
    { id: 0, name: "x" },
    { id: 1, name: "y" },
  ],
});

const kinds = [
  { kind: "image", weight: 40, from: images, files: /\.(jpg|png|webp|gif|tiff)$/ },
  { kind: "tar", weight: 15, from: data, files: /\.tar$/ },
  { kind: "parquet", weight: 3, from: data, files: /\.parquet$/ },
  { kind: "cifar", weight: 14, from: join(data, "cifar-10-batches-py"), files: /^(data_batch_1|batches\.meta)$/ },
  { kind: "cifar", weight: 6, from: join(data, "cifar-100-python"), files: /^(train|meta)$/ },
  { kind: "cifar", weight: 7, from: join(data, "cifar-10-batches-bin"), files: /\.bin$/ },
  { kind: "list", weight: 5, texts: { "samples.csv": csv, "samples.tsv": csv.replaceAll(",", "\t") } },
  { kind: "list", weight: 4, texts: { "samples.jsonl": jsonl } },
  { kind: "inaturalist", weight: 2, texts: { "train2019.json": inaturalist } },
  { kind: "mat", weight: 4, from: data, files: /\.mat$/ },
];

/** Runs cases on the readers of `library` and answers with the figures, and what came of each kind. */
export async function fuzzData(library, options) {
  const folder = await mkdtemp(join(tmpdir(), "deit-fuzz-cache-"));
  const before = process.env.DEIT_CACHE;
  process.env.DEIT_CACHE = folder;
  try {
    const originals = (await Promise.all(kinds.map(readOriginals))).flat();
    const perKind = Object.fromEntries(originals.map(({ kind }) => [kind, { read: 0, refused: 0 }]));
    const read = (original) => async (path) => {
      perKind[original.kind].refused++;
      await readers[original.kind](library, path, original);
      perKind[original.kind].refused--;
      perKind[original.kind].read++;
    };
    const make = (next) => {
      const original = drawn(originals, next);
      return { name: original.name, bytes: mutated(original, originals, next), read: read(original) };
    };
    const figures = await fuzz({ make, DeitError: library.DeitError }, options);
    return { ...figures, perKind };
  } finally {
    if (before === undefined) delete process.env.DEIT_CACHE;
    else process.env.DEIT_CACHE = before;
    await rm(folder, { recursive: true });
  }
}

const readers = {
  async image({ decodeImage }, path) {
    const bytes = await readFile(path);
    for (const jpeg of ["exact", "fast"]) check(await decodeImage(bytes, { name: path, jpeg, maxPixels: mostPixels }));
  },
  mat: async ({ readMat }, path) => void (await readMat(path)),
  tar: readDataset,
  parquet: readDataset,
  cifar: readFolder,
  list: readFolder,
  inaturalist: readFolder,
};

function readFolder(library, path, { name, beside }) {
  return inFolder(name, beside, (folder) => readDataset(library, folder))(path);
}

/** Opens a dataset and reads its first samples. */
async function readDataset({ openDataset, readSample }, path) {
  const dataset = await openDataset(path, { split: "train" });
  for (let i = 0; i < Math.min(4, dataset.length); i++) {
    if (!(dataset.label(i) < dataset.classes.length)) throw new Error("a label of no class");
    check(await readSample(dataset.source(i), { jpeg: "exact", maxPixels: mostPixels }));
  }
}

function check({ width, height, data: pixels }) {
  if (pixels.length !== width * height * 3) throw new Error(`${pixels.length} bytes for ${width}×${height} pixels`);
}

/** The files of a kind; each is mutated in turn, with what it needs beside it. */
async function readOriginals({ kind, weight, from, files, texts }) {
  const names = texts ? Object.keys(texts) : (await readdir(from)).filter((name) => files.test(name)).sort();
  const contents = await Promise.all(names.map((n) => (texts ? Buffer.from(texts[n]) : readFile(join(from, n)))));
  const others = texts
    ? [[picture, await readFile(join(images, picture))]]
    : names.map((name, i) => [name, contents[i]]);
  const beside = Object.fromEntries(others);
  return names.map((name, i) => ({ name, kind, bytes: contents[i], beside, weight: weight / names.length }));
}

function drawn(originals, next) {
  const resolution = 1_000_000;
  const total = originals.reduce((sum, { weight }) => sum + weight, 0);
  let left = (next(resolution) / resolution) * total;
  return originals.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
}

/** Mutations that know the formats of files with these names. */
const mutations = [
  { names: /\.tar$/, mutate: mutateTar },
  { names: /\.jsonl?$/, mutate: mutateJson },
  { names: /\.png$/, mutate: mutatePng },
];

function mutated({ name, bytes }, originals, next) {
  const other = originals[next(originals.length)].bytes;
  const knowing = mutations.find(({ names }) => names.test(name))?.mutate ?? mutateBytes;
  return next(2) === 0 ? knowing(bytes, next, other) : mutateBytes(bytes, next, other);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const paths = ["data/sources/open", "data/view/view", "data/codec/decode", "formats/mat", "errors/errors"];
  const modules = await Promise.all(paths.map((path) => import(`../../dist/${path}.js`)));
  await fuzzFromCommandLine((options) => fuzzData(Object.assign({}, ...modules), options));
}
