// What checkpoints cost: the share of the time that training waits for them, and their size.
//   npm run bench:checkpoint -- [--model deit_tiny_patch16_224] [--batch 8] [--images 384] [--epochs 2] [--seconds 10]
// Saves come every `--seconds`, far more often than the ten minutes of `deit train`; both shares are printed.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createOnnxEngine, parseRecipe, train } from "../dist/index.js";

const { values: options } = parseArgs({
  options: {
    model: { type: "string", default: "deit_tiny_patch16_224" },
    batch: { type: "string", default: "8" },
    images: { type: "string", default: "384" },
    epochs: { type: "string", default: "2" },
    seconds: { type: "string", default: "10" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "deit-bench-"));
const engine = await createOnnxEngine();
try {
  const settings = {
    model: options.model,
    epochs: Number(options.epochs),
    batchSize: Number(options.batch),
    emaDecay: 0.999,
  };
  const { epochs } = await train({
    recipe: parseRecipe({ ...settings, repeatedAugmentation: 1, autoAugment: "none" }),
    engine,
    data: `procedural:224:${options.images}`,
    validation: "procedural:224:8",
    output: join(folder, "run"),
    workers: 1,
    checkpointMinutes: Number(options.seconds) / 60,
  });
  const seconds = epochs.reduce((sum, e) => sum + e.seconds, 0);
  const waited = epochs.reduce((sum, e) => sum + e.checkpointWait * e.seconds, 0);
  const saves = Math.floor(seconds / Number(options.seconds)) + epochs.length - 1;
  const each = waited / saves;
  console.log(
    JSON.stringify({
      ...{ processor: cpus()[0].model.trim(), threads: cpus().length, model: options.model },
      stateMiB: statSync(join(folder, "run/state.safetensors")).size / 2 ** 20,
      ...{ seconds, saves, waitedMsPerSave: 1000 * each },
      shareAtThisPace: waited / seconds,
      shareAtTenMinutes: each / 600,
    }),
  );
} finally {
  await engine.close();
  rmSync(folder, { recursive: true });
}
