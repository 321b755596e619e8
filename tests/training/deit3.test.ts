/** DeiT III as a student with a distillation token, and as a teacher. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openModel } from "../../src/evaluation/open-model.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import { expectSameState, micro, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const deit3: RecipeSettings = { model: "deit3_small_patch16_224", optimizer: "lamb", loss: "binaryCrossEntropy" };
const student = { ...deit3, distilled: true, distillation: "hard" } as const;
const tensors = async (run: string, file = "last") =>
  (await readSafetensors(join(folder(run), `${file}.safetensors`))).tensors;

describe("DeiT III", () => {
  it("learns with a distillation token, from a convnet and from another DeiT III", async () => {
    const { patchSize, width, heads, ...rest } = micro;
    await train({
      ...options("convnet"),
      recipe: parseRecipe({
        ...{ ...rest, model: "regnety", depth: 4, epochs: 1, mixup: 0, cutmix: 0, dropout: undefined },
        regnet: { initialWidth: 8, slope: 4, factor: 2, groupWidth: 8, stemStride: 1 },
      }),
    });
    await train(options("teacher", deit3));
    for (const teacher of ["convnet", "teacher"]) {
      const name = `from-${teacher}`;
      const { model } = await train(options(name, { ...student, teacherWeights: folder(teacher) }));
      expect(model).toMatchObject({ name: "deit3_small_patch16_224", distilled: true });
      const saved = await tensors(name);
      // Positions of patches only: neither the class nor the distillation token has one.
      expect(saved.get("pos_embed")!.shape).toEqual([1, 16, 16]);
      expect(saved.get("dist_token")!.shape).toEqual([1, 1, 16]);
      expect(saved.get("head_dist.weight")!.shape).toEqual(saved.get("head.weight")!.shape);
      const opened = await openModel({ weights: folder(name) });
      expect(opened.model.config).toMatchObject({ distilled: true, noEmbedClass: true, layerScale: 1e-6 });
    }
    // Both tokens learn: they began with the same zeros.
    const saved = await tensors("from-convnet");
    for (const token of ["cls_token", "dist_token"])
      expect(
        saved.get(token)!.data.some((v) => Math.abs(Number(v)) > 1e-3),
        token,
      ).toBe(true);
    expect(saved.get("cls_token")!.data).not.toEqual(saved.get("dist_token")!.data);
  });

  it("teaches from stored answers as in the step", async () => {
    const settings: RecipeSettings = { ...student, epochs: 1, teacherWeights: folder("teacher") };
    await buildTeacherCache({
      recipe: parseRecipe({ ...micro, ...settings }),
      ...{ engine: runs.engine(), data: "procedural:16:96", output: folder("answers"), workers: 0 },
    });
    await train(options("taught", settings));
    await train(options("taught-stored", { ...settings, teacherCache: folder("answers") }));
    await expectSameState(folder("taught"), folder("taught-stored"));
  });

  it("teaches its blocks to a DeiT, and learns from those of one", async () => {
    const features = { teacher: "blocks.0", student: "blocks.0" };
    await train(options("deit", { epochs: 1 }));
    await train(options("features", { epochs: 1, teacherWeights: folder("teacher"), features }));
    await train(options("features3", { ...deit3, epochs: 1, teacherWeights: folder("deit"), features }));
    for (const name of ["features", "features3"])
      expect((await tensors(name, "state")).get("featureProjection.weight")!.shape).toEqual([16, 16]);
  });

  it("with a distillation token is fine-tuned at another resolution", async () => {
    const settings: RecipeSettings = { ...student, imageSize: 24, epochs: 1, teacherWeights: folder("teacher") };
    const { model } = await train(
      options("larger", { ...settings, finetune: folder("from-teacher"), teacherImageSize: 16 }),
    );
    expect(model.imageSize).toBe(24);
    expect((await tensors("larger")).get("pos_embed")!.shape).toEqual([1, 36, 16]);
  });

  it("begins a distilled student with weights that know no distillation token", async () => {
    const settings: RecipeSettings = { ...student, epochs: 1, teacherWeights: folder("convnet") };
    await train(options("begun", { ...settings, finetune: folder("teacher") }));
    expect((await tensors("begun")).get("pos_embed")!.shape).toEqual([1, 16, 16]);
  });
});
