import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseRecipe } from "./recipe.js";
import { openRunFolder } from "./run-folder.js";
import type { RunDescription } from "./run-manifest.js";

const run: RunDescription = {
  recipe: parseRecipe({}),
  manifest: {
    ...{ format: 1, deit: "0.1.0", began: "2026-11-25T12:00:00.000Z", data: "photos" },
    ...{ dataset: "a".repeat(64), images: 10, classes: 2, onBadImage: "stop", precision: "float32" },
    engine: { engine: "onnx", platform: "cpu", version: "1.30.0", devices: 1 },
  },
};

test("a run that saved nothing may be begun anew, one that did may not", async () => {
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
