// Images per second of our data pipeline, in a process of its own:
//   node bench/ours/data.js decode|evaluation|augmentation DATA WORKERS IMAGES
// `decode` reads and decodes whole images in this thread. The others take uint8 batches of 32 at 224 pixels from the
// loader, for DeiT: resized to 256, centre; and the complete recipe (random resized crop, flip, RandAugment).
import { availableParallelism } from "node:os";
import { createLoader, createModel, evaluationTransform, openDataset, parseRecipe } from "deit";
import { readSample, subset, trainingTransform } from "../internals.js";

const [work, data, workersText, imagesText] = process.argv.slice(2);
const workers = Number(workersText);
const wanted = Number(imagesText);
const dataset = await openDataset(data, { split: "train" });
// A few files many times over: epochs as long as those of a real dataset, at whose ends the loader runs dry.
const long = subset(
  dataset,
  Array.from({ length: 100_000 }, (_, i) => i % dataset.length),
);
const { images, seconds, processorSeconds } = work === "decode" ? await decoded() : await loaded();
console.log(
  JSON.stringify({
    imagesPerSecond: images / seconds,
    cores: processorSeconds / seconds,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    version: `node ${process.version}, ${availableParallelism()} cores`,
  }),
);
process.exit(0);

/** Begins a measurement; the answer ends it: seconds on the wall, and of processors by all threads. */
function stopwatch() {
  const start = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { seconds: (performance.now() - start) / 1000, processorSeconds: (user + system) / 1e6 };
  };
}

async function decoded() {
  // Into memory that is used again, as in the loader.
  let memory = new Uint8Array(0);
  const allocate = (bytes) => {
    if (memory.length < bytes) memory = new Uint8Array(bytes);
    return memory.subarray(0, bytes);
  };
  const read = (i) => readSample(dataset.source(i % dataset.length), { jpeg: "exact", allocate });
  for (let i = 0; i < dataset.length; i++) await read(i);
  const stop = stopwatch();
  for (let i = 0; i < wanted; i++) await read(i);
  return { images: wanted, ...stop() };
}

async function loaded() {
  const model = createModel("deit_tiny_patch16_224");
  const recipe = parseRecipe({ model: "deit_tiny_patch16_224" });
  const transform =
    work === "evaluation"
      ? evaluationTransform({ imageSize: 224, cropRatio: 0.875, cropMode: "center", interpolation: "bicubic" })
      : trainingTransform(recipe, model);
  const loader = createLoader({
    ...{ dataset: long, batchSize: 32, transform, seed: 0, workers, order: "shuffled", dropLast: true },
    jpeg: work === "evaluation" ? "exact" : "fast",
  });
  let stop;
  let left = wanted;
  // The first passes start threads and warm each of them up; the consumer always waits, so that what is counted is what was made.
  for (let epoch = 0, warm = 2 * dataset.length * Math.max(1, workers); left > 0; epoch++) {
    for await (const { count } of loader.epoch(epoch)) {
      if (warm > 0) {
        warm -= count;
        if (warm <= 0) stop = stopwatch();
      } else left -= count;
      if (left <= 0) break;
    }
  }
  return { images: wanted - left, ...stop() };
}
