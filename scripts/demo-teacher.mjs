// Trains a teacher for `deit demo` and writes recipes/demo/teacher.safetensors: a RegNetY of 0.16 M parameters that has seen
// 16,000 images of the demo's shapes, none of which the demo uses. Run npm run build first.
//   node scripts/demo-teacher.mjs
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoData, teacherRecipe, teacherWeights } from "../dist/cli/demo-recipes.js";
import { openDataset } from "../dist/data/sources/open.js";
import { openEngine } from "../dist/engines/open.js";
import { parseRecipe } from "../dist/training/recipe/recipe.js";
import { train } from "../dist/training/run/trainer.js";

/** The demo's own images are the first ones: its option --images is far below this. */
const first = 100_000;
const images = 16_000;

const drawn = await openDataset(demoData(first + images), { split: "train" });
const data = {
  ...drawn,
  length: images,
  label: (i) => drawn.label(first + i),
  source: (i) => drawn.source(first + i),
  describe: (i) => drawn.describe(first + i),
  key: (i) => drawn.key(first + i),
};
const output = await mkdtemp(join(tmpdir(), "demo-teacher-"));
const engine = await openEngine({ engine: "onnx", threads: 1 });
await train({
  ...{ recipe: parseRecipe(teacherRecipe), engine, data, validation: demoData(500), workers: 0 },
  output: join(output, "run"),
  onEvent: (event) => {
    if (event.kind === "epoch") console.log(`epoch ${event.record.epoch}: ${event.record.test.top1.toFixed(1)} %`);
  },
});
await engine.close();
const to = teacherWeights();
await mkdir(join(to, ".."), { recursive: true });
await copyFile(join(output, "run", "last.safetensors"), to);
await rm(output, { recursive: true });
console.log(to);
