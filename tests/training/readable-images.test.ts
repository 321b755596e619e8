/** Images that cannot be read, among those that a run is measured on and those of which it takes some. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keysOf } from "../../src/data/dataset/dataset.js";
import type { Engine } from "../../src/engines/engine.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { type PlanOptions, planRun } from "../../src/training/run/plan.js";

const recipe = parseRecipe({
  ...{ model: "deit", imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 1, batchSize: 2 },
});
const engine = { info: { devices: 1 } } as unknown as Engine;
/** A grey picture of 2 × 2. */
const picture = Buffer.concat([Buffer.from("P5 2 2 255\n"), Buffer.from([0, 80, 160, 255])]);
const broken = (part: string, name: string) => (part === "test" ? name === "cat/1" : /cat\/[0-3]/.test(name));

let data: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "deit-readable-"));
  for (const [part, count] of [
    ["train", 10],
    ["test", 3],
  ] as const)
    for (const name of ["cat", "dog"]) {
      await mkdir(join(data, part, name), { recursive: true });
      for (let i = 0; i < count; i++)
        await writeFile(join(data, part, name, `${i}.pgm`), broken(part, `${name}/${i}`) ? "none" : picture);
    }
});
afterAll(() => rm(data, { recursive: true }));

async function planned(options: Partial<PlanOptions>) {
  const warnings: string[] = [];
  const plan = await planRun({
    ...{ recipe, engine, data, workers: 0 },
    onEvent: (event) => void (event.kind === "warning" && warnings.push(event.message)),
    ...options,
  });
  return { plan, warnings: warnings.join("\n") };
}

describe("images that cannot be read", () => {
  it("are found before the first step, where the run is measured on them", async () => {
    await expect(planned({ data: join(data, "test"), validation: join(data, "test") })).rejects.toThrow(
      /1 of 6 images/,
    );
    const { plan, warnings } = await planned({ onBadImage: "skip" });
    expect([plan.dataset.length, plan.test?.length, plan.foundTest?.length]).toEqual([16, 5, 6]);
    expect(warnings).toMatch(/4 images are skipped:.*1 image is skipped:\n.*test.cat.1\.pgm/s);
  });

  it("leave their place to others, where a number is to be trained on", async () => {
    for (const trainImages of [2, 8, 16]) {
      const { plan } = await planned({ recipe: { ...recipe, trainImages }, onBadImage: "skip" });
      expect(plan.dataset.length).toBe(trainImages);
      expect(keysOf(plan.dataset).filter((key) => broken("train", key.replace(/^train\//, "")))).toEqual([]);
      expect(keysOf(plan.dataset).filter((key) => key.includes("cat")).length).toBeGreaterThan(0);
    }
    await expect(planned({ recipe: { ...recipe, trainImages: 17 }, onBadImage: "skip" })).rejects.toThrow(
      "has 16 images to train on",
    );
  });
});
