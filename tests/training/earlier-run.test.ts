/** Runs that earlier versions began continue: the folder in tests/fixtures/earlier-run was interrupted after its first epoch. */
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createOnnxEngine, parseRecipe, readSafetensors } from "../../src/index.js";
import { train } from "../../src/training/run/trainer.js";

const kept = new URL("../fixtures/earlier-run/", import.meta.url).pathname;

it("continues with a run of an earlier version, to the weights of one that was not interrupted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "deit-earlier-"));
  const engine = await createOnnxEngine({ threads: 1 });
  try {
    const output = join(folder, "run");
    await cp(join(kept, "interrupted"), output, { recursive: true });
    const recipe = parseRecipe(JSON.parse(await readFile(join(output, "recipe.json"), "utf8")));
    const result = await train({ recipe, data: "procedural:16:64", output, engine, workers: 1, resume: true });
    expect(result.epochs.map(({ epoch, step }) => [epoch, step])).toEqual([[2, 8]]);
    expect(result.epochs[0].trainLoss).toBeCloseTo(2.304880917072296, 3);
    const [ours, whole] = await Promise.all(
      [join(output, "last.safetensors"), join(kept, "uninterrupted-last.safetensors")].map((path) =>
        readSafetensors(path),
      ),
    );
    for (const [name, { data }] of whole.tensors) {
      // Four steps of at most 0.02 · 16 / 512 each; AdamW may take a gradient of nothing but rounding for a direction.
      const [theirs, values] = [data, ours.tensors.get(name)!.data].map((d) => Array.from(d as Float32Array));
      const mean = theirs.reduce((sum, v, i) => sum + Math.abs(v - values[i]), 0) / theirs.length;
      expect(mean, name).toBeLessThan(5e-4);
    }
  } finally {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
