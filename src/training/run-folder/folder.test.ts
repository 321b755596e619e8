import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseRecipe } from "../recipe/recipe.js";
import { requireSameOrder } from "../run/run-start.js";
import { openRunFolder } from "./folder.js";
import { describeRun, type RunDescription } from "./manifest.js";
import { beginning } from "./position.js";

const run: RunDescription = {
  recipe: parseRecipe({}),
  manifest: {
    ...{ format: 1, deit: "0.1.0", began: "2026-11-25T12:00:00.000Z", data: "photos" },
    ...{ dataset: "a".repeat(64), images: 10, classes: 2, onBadImage: "stop", precision: "float32" },
    engine: { engine: "onnx", platform: "cpu", version: "1.30.0", devices: 1 },
  },
};

test("a run that saved nothing may be restarted, one that did may not", async () => {
  const path = await mkdtemp(join(tmpdir(), "deit-run-"));
  try {
    await (await openRunFolder(path, run, false)).close();
    const again = { ...run, recipe: parseRecipe({ epochs: 5 }) };
    const folder = await openRunFolder(path, again, false);
    expect(folder.before).toBeUndefined();
    await folder.close();
    await writeFile(join(path, "state.safetensors"), "");
    await expect(openRunFolder(path, again, false)).rejects.toThrow("holds a run already");
    const resumed = await openRunFolder(path, again, true);
    expect(resumed.before?.recipe.epochs).toBe(5);
    await resumed.close();
  } finally {
    await rm(path, { recursive: true });
  }
});

test("the division of an epoch's images may change between epochs, but not within one", async () => {
  const path = await mkdtemp(join(tmpdir(), "deit-run-"));
  const others: readonly [string, RunDescription][] = [
    ["batchSize", { ...run, recipe: parseRecipe({ batchSize: 32 }) }],
    ["accumulate", { ...run, recipe: parseRecipe({ accumulate: 2 }) }],
    ["repeatedAugmentation", { ...run, recipe: parseRecipe({ repeatedAugmentation: 1 }) }],
    ["epochRepeats", { ...run, recipe: parseRecipe({ epochRepeats: 2 }) }],
    ["sampling", { ...run, recipe: parseRecipe({ sampling: "balanced" }) }],
    ["seed", { ...run, recipe: parseRecipe({ seed: 9 }) }],
    ["the training images", { ...run, manifest: { ...run.manifest, dataset: "b".repeat(64) } }],
  ];
  const allowed = [
    "batchSize",
    "accumulate",
    "epochRepeats",
    "repeatedAugmentation",
    "sampling",
    "seed",
    "dataset",
    "epochs",
  ];
  try {
    await (await openRunFolder(path, run, false)).close();
    const before = await describeRun(path);
    for (const [what, other] of others) {
      const folder = await openRunFolder(path, other, true, allowed);
      expect(() => requireSameOrder(folder, { ...beginning, epoch: 1 }, { cropMode: "center" })).not.toThrow();
      expect(() => requireSameOrder(folder, { ...beginning, epoch: 1, runs: 7 }, { cropMode: "center" })).toThrow(
        `in the middle of epoch 2, after 7 runs, where ${what} cannot change`,
      );
      await folder.undo();
      await folder.close();
      expect(await describeRun(path)).toEqual(before);
    }
    const longer = await openRunFolder(
      path,
      { ...run, recipe: parseRecipe({ ...run.recipe, epochs: 9 }) },
      true,
      allowed,
    );
    expect(() => requireSameOrder(longer, { ...beginning, runs: 7 }, { cropMode: "center" })).not.toThrow();
    await longer.close();
  } finally {
    await rm(path, { recursive: true });
  }
});
