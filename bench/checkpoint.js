// What checkpoints cost: the share of the time that training waits for them, and their size.
//   npm run bench:checkpoint -- [--model deit_tiny_patch16_224] [--batch 8] [--images 384] [--epochs 2] [--seconds 10]
// Saves come every `--seconds`, far more often than the ten minutes of `deit train`; both shares are printed.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxEngine } from "deit";
import { parseRecipe, train } from "deit/training";
import { machine, optionsOf } from "./harness.js";

const options = optionsOf({ model: "deit_tiny_patch16_224", batch: 8, images: 384, epochs: 2, seconds: 10 });
const folder = mkdtempSync(join(tmpdir(), "deit-bench-"));
const engine = await createOnnxEngine();
try {
  const settings = {
    model: options.model,
    epochs: options.epochs,
    batchSize: options.batch,
    emaDecay: 0.999,
  };
  const { epochs } = await train({
    recipe: parseRecipe({ ...settings, repeatedAugmentation: 1, autoAugment: "none" }),
    engine,
    data: `procedural:224:${options.images}`,
    validation: "procedural:224:8",
    output: join(folder, "run"),
    workers: 1,
    checkpointMinutes: options.seconds / 60,
  });
  const seconds = epochs.reduce((sum, e) => sum + e.seconds, 0);
  const waited = epochs.reduce((sum, e) => sum + e.checkpointWait * e.seconds, 0);
  const saves = Math.floor(seconds / options.seconds) + epochs.length - 1;
  const each = waited / saves;
  console.log(
    JSON.stringify({
      ...machine(),
      model: options.model,
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
