/** Weights and teachers that are not numbers: nothing is learned from them, stored or reported. */
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { checkpointMetadata } from "../../src/evaluation/checkpoint-metadata.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { writeSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { deit } from "../../src/models/deit.js";
import { initialize } from "../../src/models/initialize.js";
import { float32, type HostTensor } from "../../src/tensor/index.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import { micro, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const model = deit("deit", { imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 1, classes: 10 });

/** Weights of which one tensor is `value` throughout. */
async function weightsWith(name: string, tensor: string, value: number): Promise<string> {
  const weights = new Map<string, HostTensor>(initialize(model, 0));
  const { shape, data } = weights.get(tensor)!;
  weights.set(tensor, float32(shape, new Float32Array(data.length).fill(value)));
  await writeSafetensors(folder(name), weights, {
    [checkpointMetadata.model]: model.name,
    [checkpointMetadata.config]: JSON.stringify(model.config),
  });
  return folder(name);
}

describe("weights that are not all numbers", () => {
  const refusal = '"norm.weight" holds NaN at place 0 of 16';
  it("are refused when they are opened and when training begins from them", async () => {
    const weights = await weightsWith("nan.safetensors", "norm.weight", Number.NaN);
    await expect(openModel({ weights })).rejects.toThrow(refusal);
    const settings = { depth: 1, heads: 1, finetune: weights };
    await expect(train(options("begun", settings))).rejects.toThrow(refusal);
    const taught = { distillation: "hard", teacherWeights: weights } as const;
    await expect(train(options("taught", taught))).rejects.toThrow(refusal);
  });
});

describe("a teacher that overflows", () => {
  const sentence = /The answer of the teacher in ".*huge.safetensors" to ".+" is not a number/;
  it.each(["hard", "soft"] as const)("ends training by its name, %s", async (distillation) => {
    // Finite, but its products are not: the largest number times features of a few units.
    const teacherWeights = await weightsWith("huge.safetensors", "head.weight", 3e38);
    const run = options(`overflow-${distillation}`, { distillation, teacherWeights });
    await expect(train({ ...run, onNaN: "skip" })).rejects.toThrow(sentence);
    const cache = {
      ...{ recipe: parseRecipe({ ...micro, distillation, teacherWeights }), engine: runs.engine() },
      ...{ data: "procedural:16:96", output: folder(`answers-${distillation}`), workers: 0 },
    };
    await expect(buildTeacherCache(cache)).rejects.toThrow(sentence);
    expect(await readdir(cache.output)).toEqual(["manifest.json"]);
  });
});
