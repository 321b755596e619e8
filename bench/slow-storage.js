// The loader on files that answer slowly, beside the same files at once (Linux, with a C compiler):
//   node bench/slow-storage.js [--data ../shared/data/imagenet-sample] [--milliseconds 20] [--rounds 3] [--images 1000]
//                              [--threads 64]
// Each opening of a file waits, in whichever thread it happens: a preloaded library sees to that. Images per second with
// one worker and with two, for the evaluation view and DeiT's augmentation, in processes that take turns; medians.
// `--threads` is UV_THREADPOOL_SIZE, which the program `deit` sets to 64 and which is 4 in Node.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { here, machine, measuredAside, median, optionsOf, ours, output } from "./harness.js";

const options = optionsOf({
  data: join(process.env.DEIT_SHARED ?? "../shared", "data/imagenet-sample"),
  ...{ milliseconds: 20, rounds: 3, images: 1000, threads: 64 },
});
const data = resolve(options.data);
const folder = mkdtempSync(join(tmpdir(), "deit-bench-slow-"));
const library = join(folder, "slow-open.so");

const run = (work, workers, milliseconds) => {
  const waits = [`LD_PRELOAD=${library}`, `SLOW_FOLDER=${data}`, `SLOW_MILLISECONDS=${milliseconds}`];
  const [node, args] = ours("data", work, data, workers, options.images * workers);
  return measuredAside("env", [`UV_THREADPOOL_SIZE=${options.threads}`, ...waits, node, ...args]);
};

try {
  output("cc", ["-shared", "-fPIC", "-O2", "-o", library, here("slow-open.c"), "-ldl"]);
  const rows = ["evaluation", "augmentation"].flatMap((work) =>
    [1, 2].map((workers) => ({ work, workers, local: [], slow: [], ratios: [] })),
  );
  for (let round = 0; round < options.rounds; round++)
    for (const { work, workers, local, slow, ratios } of rows) {
      local.push((await run(work, workers, 0)).imagesPerSecond);
      slow.push((await run(work, workers, options.milliseconds)).imagesPerSecond);
      ratios.push(slow.at(-1) / local.at(-1));
    }
  console.log(
    `images per second: local, ${options.milliseconds} ms a file, and the ratio (medians of ${options.rounds})`,
  );
  for (const { work, workers, local, slow, ratios } of rows)
    console.log(
      `${work}, workers ${workers}: ${median(local).toFixed(0)}, ${median(slow).toFixed(0)}, ${median(ratios).toFixed(2)}`,
    );
  const { processor, threads } = machine();
  console.log(`${processor}, ${threads} threads; node ${process.version}`);
} finally {
  rmSync(folder, { recursive: true });
}
