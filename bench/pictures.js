// Decoding pictures of many kinds against Pillow, on one thread each, side by side in one run:
//   npm run bench:pictures -- [--data ../shared/data/imagenet-sample] [--rounds 3] [--seconds 1.5] [--kinds PNG,WebP,JPEG]
//                             [--json results.json]
// Milliseconds per picture for (a) decoding the whole, (b) the evaluation view and (c) a training view (random crop and
// flip, no augmentation) at 224 pixels. The pictures are made here: photos as PNG and WebP, photos enlarged to 12 and 50
// megapixels, and screenshots of the documentation (which needs Chromium). Each measurement has a process of its own,
// takes turns with the others, and the median of its rounds counts.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { here, listOf, machine, measuredAside, median, optionsOf, ours, output, peer, writeReport } from "./harness.js";

const options = optionsOf({
  data: join(process.env.DEIT_SHARED ?? "../shared", "data/imagenet-sample"),
  ...{ rounds: 3, seconds: 1.5, kinds: "PNG,WebP,JPEG", json: undefined },
});
const works = ["decode", "evaluation", "training"];
const folder = mkdtempSync(join(tmpdir(), "deit-bench-pictures-"));

try {
  output(...peer("pictures", "make", options.data, folder));
  if (options.kinds.includes("PNG")) output(process.execPath, [here("screenshots.js"), folder]);
  const kinds = readdirSync(folder)
    .filter((kind) => listOf(options.kinds).some((begins) => kind.startsWith(begins)))
    .sort();
  const results = [];
  const versions = new Set();
  for (let round = 0; round < options.rounds; round++) {
    for (const kind of kinds) {
      for (const [name, command] of [
        ["Pillow", peer("pictures", "read", join(folder, kind), options.seconds)],
        ["deit", ours("pictures", join(folder, kind), options.seconds)],
      ]) {
        const { milliseconds, version } = await measuredAside(...command);
        results.push({ kind, name, milliseconds });
        versions.add(version);
      }
    }
    process.stderr.write(`round ${round + 1} of ${options.rounds} done\n`);
  }
  const of = (kind, name, work) =>
    median(results.filter((r) => r.kind === kind && r.name === name).map((r) => r.milliseconds[work]));
  console.log(`milliseconds per picture: Pillow, deit, and how many times as fast (medians of ${options.rounds})`);
  console.log(`| | ${works.join(" | ")} |\n|---|---|---|---|`);
  for (const kind of kinds) {
    const cells = works.map((work) => {
      const [theirs, our] = [of(kind, "Pillow", work), of(kind, "deit", work)];
      return `${theirs.toPrecision(3)} → ${our.toPrecision(3)} (${(theirs / our).toFixed(2)} ×)`;
    });
    console.log(`| ${kind} | ${cells.join(" | ")} |`);
  }
  const { processor, threads } = machine();
  console.log(`\n${processor}, ${threads} threads; ${[...versions].join("; ")}`);
  writeReport(options.json, { results });
} finally {
  rmSync(folder, { recursive: true });
}
