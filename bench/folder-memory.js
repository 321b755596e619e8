// Memory and time that a folder of a million images takes: listing it, and batches of its shuffled samples.
//   npm run bench:folder -- [--images 1000000] [--classes 1000] [--batches 50]
// The files are links to one small JPEG per class, in a temporary folder that is removed afterwards. The same is measured
// on a folder of a hundred images, so that the difference is what the samples cost.
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { here, measured, optionsOf, ours } from "./harness.js";

const options = optionsOf({ images: 1_000_000, classes: 1000, batches: 50 });
const folder = mkdtempSync(join(tmpdir(), "deit-bench-folder-"));
try {
  const few = populate(join(folder, "few"), 100, 10);
  const many = populate(join(folder, "many"), options.images, options.classes);
  for (const data of [few, many]) {
    const { images, seconds, started, opened, iterated } = measured(...ours("folder", data, options.batches));
    const mib = [started, opened, iterated].map((n) => n.toFixed(0));
    console.log(
      `${images} images: listed in ${seconds.toFixed(1)} s; peak memory at start ${mib[0]} MiB, listed ${mib[1]} MiB, after ${options.batches} batches ${mib[2]} MiB`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** Names as long as those of ImageNet. */
function populate(folder, images, classes) {
  const picture = here("../tests/fixtures/images/plain.jpg");
  for (let c = 0; c < classes; c++) {
    const name = `n${String(c).padStart(8, "0")}`;
    mkdirSync(join(folder, name), { recursive: true });
    const first = join(folder, name, `${name}_0.JPEG`);
    copyFileSync(picture, first);
    for (let i = c + classes; i < images; i += classes) linkSync(first, join(folder, name, `${name}_${i}.JPEG`));
  }
  return folder;
}
