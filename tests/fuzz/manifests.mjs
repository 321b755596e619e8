/**
 * Mutated descriptions: of a run, its recipe, its log, its saved state, its split, and a teacher's stored answers.
 *
 *   npm run build && node tests/fuzz/manifests.mjs [COUNT] [SEED]
 */
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
  format: 1,
  identity: { data: hash, views: hash, teacher: hash },
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

/**
 * Runs cases on the readers of the modules that are given and answers with the figures. A reader of a folder finds the
 * mutated file in one of its own.
 */
export async function fuzzManifests(modules, options) {
  const { DeitError, readRecipe, parseRecipe, describeRun, readLog, readState, readSplit, readManifest } = modules;
  const { safetensorsChunks } = modules;
  const weights = new Map([["w", { dtype: "float32", shape: [2, 2], data: new Float32Array(4) }]]);
  const state = Buffer.concat([...safetensorsChunks(weights, { position: JSON.stringify(position), sha256: hash })]);
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
    { name: "state.safetensors", bytes: state, read: async (path) => void (await readState(path)) },
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
  const from = (path) => import(`../../dist/${path}.js`);
  const paths = ["errors", "training/recipe", "training/recipe-file", "training/run-manifest", "training/log-schema"];
  const more = ["training/checkpoint", "training/teacher-cache", "data/split", "weights/safetensors"];
  const loaded = await Promise.all([...paths, ...more].map(from));
  const modules = Object.assign({}, ...loaded);
  await fuzzFromCommandLine((options) => fuzzManifests(modules, options));
}
