// Milliseconds per picture of our decoders and transforms on one thread, without a loader:
//   node bench/ours/pictures.js FOLDER SECONDS
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { evaluationTransform } from "deit";
import { readSample, readSource, scratch, writeView } from "../internals.js";

const [folder, secondsText] = process.argv.slice(2);
const sources = readdirSync(folder)
  .sort()
  .map((name) => ({ kind: "file", path: join(folder, name) }));

const evaluation = evaluationTransform({
  imageSize: 224,
  cropRatio: 0.875,
  cropMode: "center",
  interpolation: "bicubic",
});
const training = {
  ...{ kind: "training", size: 224, crop: "resized", scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
  ...{ interpolation: "random", flip: 0.5 },
};

// Memory that is used again for each picture, as in the loader.
const [file, decoded] = [scratch(), scratch()];
const target = new Uint8Array(224 * 224 * 3);
const view = (transform, jpeg) => async (source, sample, epoch) =>
  writeView(
    await readSource(source, file),
    { transform, jpeg, allocate: decoded },
    { seed: 0, epoch, sample, view: 0 },
    target,
  );

const works = {
  decode: (source) => readSample(source, { jpeg: "exact", allocate: decoded }),
  evaluation: view(evaluation, "exact"),
  training: view(training, "fast"),
};
const milliseconds = {};
for (const [name, work] of Object.entries(works)) {
  const once = async (epoch) => {
    for (const [i, source] of sources.entries()) await work(source, i, epoch);
  };
  await once(0);
  const start = performance.now();
  let epochs = 0;
  while (performance.now() - start < 1000 * Number(secondsText)) await once(++epochs);
  milliseconds[name] = (performance.now() - start) / (epochs * sources.length);
}
console.log(JSON.stringify({ milliseconds, version: `node ${process.version}` }));
process.exit(0);
