/**
 * Mutated descriptions: of a run, its recipe, its log, its saved state, its split, and a teacher's stored answers.
 *
 *   npm run build && node tests/fuzz/manifests.mjs [COUNT] [SEED]
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fuzz, fuzzFromCommandLine, inFolder } from "./harness.mjs";
import { mutateBytes, mutateJson, mutateSafetensors } from "./mutate.mjs";

const json = (value) => Buffer.from(JSON.stringify(value, null, 2));
const hash = "0123456789abcdef".repeat(4);
const time = "2026-01-02T03:04:05.678Z";
const position = {
  epoch: 3,
  step: 40,
  runs: 2,
  skipped: 0,
  lossSum: 4.5,
  correctSum: 9,
  bestTop1: 51.5,
  rollbacks: 1,
  passOver: [4],
};
const engine = { engine: "onnx", platform: "cpu", version: "1.30.0", devices: 1 };
const run = {
  ...{
    format: 1,
    deit: "0.1.0",
    began: time,
    data: "photos",
    validation: "val",
    dataset: hash,
    images: 96,
    classes: 3,
  },
  ...{ split: 0.1, teacher: hash, onBadImage: "stop", precision: "float32", engine },
};
const recipe = {
  model: "deit_tiny_patch16_224",
  epochs: 3,
  lr: 0.001,
  betas: [0.9, 0.99],
  autoAugment: "rand-m9-mstd0.5-inc1",
};
const answers = {
  format: 2,
  identity: { data: hash, images: hash, seed: "0", batches: hash, mixing: hash, erasing: hash, teacher: hash },
  kind: "logits",
  topK: 5,
  classes: 10,
  batch: 16,
};
const split = { format: 1, share: 0.1, samples: 5, test: ["a/1.png", "b/2.png"] };
const log = [
  {
    time,
    kind: "environment",
    node: "20",
    v8: "11",
    system: "linux",
    processor: "x",
    ...engine,
    precisions: ["float32"],
  },
  { time, kind: "resumed", epoch: 1, step: 2, runs: 3, changed: { lr: { from: 1, to: 2 } } },
  {
    time,
    kind: "epoch",
    epoch: 2,
    step: 20,
    lr: 0.1,
    trainLoss: null,
    trainTop1: 5,
    imagesPerSecond: 1,
    loaderWait: 0,
    checkpointWait: 0,
    seconds: 1,
  },
];

/** A folder as a run has it. */
const at = (path) => ({ path, file: (name) => join(path, name) });

/** A state as a run saves it. */
async function savedState({ saveState }) {
  const folder = await mkdtemp(join(tmpdir(), "deit-fuzz-state-"));
  try {
    const weights = new Map([["w", { dtype: "float32", shape: [2, 2], data: new Float32Array(4) }]]);
    await saveState(at(folder), weights, position);
    return await readFile(join(folder, "state.safetensors"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Runs cases on the readers of the modules that are given and answers with the figures. A reader of a folder finds the
 * mutated file in one of its own.
 */
export async function fuzzManifests(modules, options) {
  const { DeitError, readRecipe, parseRecipe, describeRun, readLog, loadState, readSplit, readManifest } = modules;
  const state = await savedState(modules);
  const kinds = [
    { name: "recipe.json", bytes: json(recipe), read: async (path) => void parseRecipe(await readRecipe(path)) },
    { name: "a.json", bytes: json(run), read: inFolder("run.json", { "recipe.json": json(recipe) }, describeRun) },
    { name: "b.json", bytes: json(recipe), read: inFolder("recipe.json", { "run.json": json(run) }, describeRun) },
    { name: "c.json", bytes: json(answers), read: inFolder("manifest.json", {}, readManifest) },
    { name: "split.json", bytes: json(split), read: async (path) => void (await readSplit(path)) },
    {
      name: "log.jsonl",
      bytes: Buffer.from(log.map((l) => JSON.stringify(l)).join("\n")),
      read: async (path) => void (await readLog(path)),
    },
    { name: "d.safetensors", bytes: state, read: inFolder("state.safetensors", {}, (path) => loadState(at(path))) },
  ];
  const make = (next) => {
    const { name, bytes, read } = kinds[next(kinds.length)];
    const knowing = name.endsWith(".safetensors") ? mutateSafetensors : mutateJson;
    return {
      name,
      read,
      bytes: next(3) === 0 ? mutateBytes(bytes, next, kinds[next(kinds.length)].bytes) : knowing(bytes, next),
    };
  };
  return fuzz({ make, DeitError }, options);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const readers = ["recipe/recipe", "recipe/file", "run-folder/manifest", "run-folder/log-schema", "run/checkpoint"];
  const paths = [...readers, "teacher/manifest"].map((path) => `training/${path}`);
  const from = (path) => import(`../../dist/${path}.js`);
  const loaded = await Promise.all([...paths, "errors/errors", "data/dataset/split"].map(from));
  await fuzzFromCommandLine((options) => fuzzManifests(Object.assign({}, ...loaded), options));
}
