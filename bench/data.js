// The data pipeline against timm with Pillow, side by side in one run:
//   npm run bench:data -- [--data ../shared/data/imagenet-sample] [--rounds 3] [--work decode,evaluation,augmentation]
//                         [--json results.json]
// Images per second with one worker and with two, at 224 pixels, as uint8 batches of 32: (a) decoding alone, without
// workers; (b) the evaluation transform; (c) DeiT's training augmentation; (d) both from record files that are packed
// here, which timm has no match for, so that its figure is that of the JPEG files. Beside ours stands how many cores were
// busy: a worker is one thread, and what it leaves to others (reading files, collecting garbage) runs on the next core.
// Each measurement has a process of its own, takes turns with the others, and the median of its rounds counts. The last
// row tells what two cores can give at most: two processes, each with a pipeline of its own, at once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { here, listOf, machine, measuredAside, median, optionsOf, ours, output, peer, writeReport } from "./harness.js";

const options = optionsOf({
  data: join(process.env.DEIT_SHARED ?? "../shared", "data/imagenet-sample"),
  ...{ rounds: 3, work: "decode,evaluation,augmentation", json: undefined },
});
const works = listOf(options.work);
const folder = mkdtempSync(join(tmpdir(), "deit-bench-data-"));

const deit = (work, data, workers, images) => measuredAside(...ours("data", work, data, workers, images));
const timm = (work, workers, images) => measuredAside(...peer("data", work, options.data, workers, images));

async function twoProcesses(work, data, images) {
  const both = await Promise.all([deit(work, data, 0, images), deit(work, data, 0, images)]);
  return { imagesPerSecond: both[0].imagesPerSecond + both[1].imagesPerSecond };
}

const records = { raw: join(folder, "raw.records"), jpeg: join(folder, "jpeg.records") };
const pack = (file, ...more) =>
  output(process.execPath, [here("../bin/deit.js"), "data", "pack", options.data, file, ...more]);

/** What is measured: a row, and whose it is. */
const contenders = works.flatMap((work) => {
  if (work === "decode")
    return [
      { row: work, name: "timm", run: () => timm(work, 0, 1000) },
      { row: work, name: "deit", run: () => deit(work, options.data, 0, 1000) },
    ];
  const each = (name, run) => [1, 2].map((workers) => ({ row: work, workers, name, run: () => run(workers) }));
  return [
    ...each("timm", (workers) => timm(work, workers, 500 * workers)),
    ...each("deit", (workers) => deit(work, options.data, workers, 1500 * workers)),
    ...each("deit, JPEG records", (workers) => deit(work, records.jpeg, workers, 2500 * workers)),
    ...each("deit, raw records", (workers) => deit(work, records.raw, workers, 4000 * workers)),
    { row: work, workers: "2 processes", name: "deit", run: () => twoProcesses(work, options.data, 1500) },
  ];
});

try {
  pack(records.raw, "--raw");
  pack(records.jpeg);
  const results = contenders.map((contender) => ({ ...contender, speeds: [], cores: [] }));
  for (let round = 0; round < options.rounds; round++) {
    for (const result of results) {
      const { imagesPerSecond, cores, version } = await result.run();
      result.speeds.push(imagesPerSecond);
      if (cores !== undefined) result.cores.push(cores);
      result.version ??= version;
    }
    process.stderr.write(`round ${round + 1} of ${options.rounds} done\n`);
  }
  const table = results.map(({ row, name, workers = "none", speeds, cores, version }) => {
    const used = cores.length > 0 ? median(cores) : undefined;
    return { work: row, name, workers, imagesPerSecond: median(speeds), speeds, cores: used, version };
  });
  for (const work of works)
    report(
      work,
      table.filter((entry) => entry.work === work),
    );
  const { processor, threads } = machine();
  console.log(
    `\n${processor}, ${threads} threads; ${[...new Set(table.map((t) => t.version).filter(Boolean))].join("; ")}`,
  );
  writeReport(options.json, { results: table });
} finally {
  rmSync(folder, { recursive: true });
}

function report(work, entries) {
  console.log(`\n${work} (median of ${options.rounds} rounds, images per second)`);
  const speed = (name, workers) => entries.find((e) => e.name === name && e.workers === workers)?.imagesPerSecond;
  for (const { name, workers, imagesPerSecond, speeds, cores } of entries) {
    const one = workers === 1 ? undefined : speed(name, 1);
    const columns = [
      name.padEnd(19),
      `workers ${workers}`.padEnd(20),
      imagesPerSecond.toFixed(0).padStart(6),
      `(${Math.min(...speeds).toFixed(0)} to ${Math.max(...speeds).toFixed(0)})`.padEnd(15),
      `${(imagesPerSecond / (speed("timm", workers === "2 processes" ? 2 : workers) ?? Number.NaN)).toFixed(2)} × timm`,
      (one ? `${(imagesPerSecond / one).toFixed(2)} × one worker` : "").padEnd(17),
      cores ? `on ${cores.toFixed(2)} cores` : "",
    ];
    console.log(`  ${columns.join(" ").trimEnd()}`);
  }
}
