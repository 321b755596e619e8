// Memory and time that a folder of a million images takes: listing it, and batches of its shuffled samples.
//   npm run bench:folder -- [--images 1000000] [--classes 1000] [--batches 50]
// The files are links to one small JPEG per class, in a temporary folder that is removed afterwards. The same is measured
// on a folder of a hundred images, so that the difference is what the samples cost.
import { spawnSync } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options, positionals } = parseArgs({
  options: {
    images: { type: "string", default: "1000000" },
    classes: { type: "string", default: "1000" },
    batches: { type: "string", default: "50" },
  },
  allowPositionals: true,
});
if (positionals.length > 0) await measure(positionals[0]);
else compare();

/** In a process of its own: peak memory is that of the whole life of a process. */
async function measure(folder) {
  const { openDataset } = await import("../dist/data/sources/open.js");
  const { createLoader } = await import("../dist/index.js");
  const peakMiB = () => process.resourceUsage().maxRSS / 1024;
  const started = peakMiB();
  const start = performance.now();
  const dataset = await openDataset(folder, { split: "train" });
  const seconds = (performance.now() - start) / 1000;
  const opened = peakMiB();
  const transform = { kind: "evaluation", size: 32, cropRatio: 1, interpolation: "bilinear" };
  const settings = { batchSize: 64, seed: 0, workers: 2, order: "shuffled", dropLast: false };
  const loader = createLoader({ dataset, transform, ...settings });
  let left = Number(options.batches);
  for (let epoch = 0; left > 0; epoch++) {
    for await (const _ of loader.epoch(epoch)) if (--left <= 0) break;
  }
  await loader.close();
  console.log(JSON.stringify({ images: dataset.length, seconds, started, opened, iterated: peakMiB() }));
}

function compare() {
  const folder = mkdtempSync(join(tmpdir(), "deit-bench-folder-"));
  try {
    const few = populate(join(folder, "few"), 100, 10);
    const many = populate(join(folder, "many"), Number(options.images), Number(options.classes));
    for (const data of [few, many]) {
      const args = [fileURLToPath(import.meta.url), data, "--batches", options.batches];
      const ran = spawnSync(process.execPath, args, { encoding: "utf8" });
      if (ran.status !== 0) throw new Error(ran.stderr);
      const { images, seconds, started, opened, iterated } = JSON.parse(ran.stdout);
      const mib = [started, opened, iterated].map((n) => n.toFixed(0));
      console.log(
        `${images} images: listed in ${seconds.toFixed(1)} s; peak memory at start ${mib[0]} MiB, listed ${mib[1]} MiB, after ${options.batches} batches ${mib[2]} MiB`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Names as long as those of ImageNet. */
function populate(folder, images, classes) {
  const picture = fileURLToPath(new URL("../tests/fixtures/images/plain.jpg", import.meta.url));
  for (let c = 0; c < classes; c++) {
    const name = `n${String(c).padStart(8, "0")}`;
    mkdirSync(join(folder, name), { recursive: true });
    const first = join(folder, name, `${name}_0.JPEG`);
    copyFileSync(picture, first);
    for (let i = c + classes; i < images; i += classes) linkSync(first, join(folder, name, `${name}_${i}.JPEG`));
  }
  return folder;
}
