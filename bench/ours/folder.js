// Memory and time that a folder takes, listed and then read batch by batch, in a process of its own: peak memory is that of
// the whole life of a process.
//   node bench/ours/folder.js FOLDER BATCHES
import { createLoader, openDataset } from "deit";

const [folder, batches] = process.argv.slice(2);
const peakMiB = () => process.resourceUsage().maxRSS / 1024;
const started = peakMiB();
const start = performance.now();
const dataset = await openDataset(folder, { split: "train" });
const seconds = (performance.now() - start) / 1000;
const opened = peakMiB();
const transform = { kind: "evaluation", size: 32, cropRatio: 1, interpolation: "bilinear" };
const settings = { batchSize: 64, seed: 0, workers: 2, order: "shuffled", dropLast: false };
const loader = createLoader({ dataset, transform, ...settings });
let left = Number(batches);
for (let epoch = 0; left > 0; epoch++) {
  for await (const _ of loader.epoch(epoch)) if (--left <= 0) break;
}
await loader.close();
console.log(JSON.stringify({ images: dataset.length, seconds, started, opened, iterated: peakMiB() }));
