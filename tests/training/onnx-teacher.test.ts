/** Any ONNX classifier as a teacher: what it sees, what it answers, and students that learn from it. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Batch } from "../../src/data/loading/loader.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { deit } from "../../src/models/deit.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import { openOnnxTeacher } from "../../src/training/teacher/onnx.js";
import { expectSameState, micro, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const fixture = (name: string) => new URL(`../fixtures/teachers/${name}`, import.meta.url).pathname;
const classes = ["disc", "ring", "square", "frame", "triangle", "cross", "star", "stripes", "checks", "crescent"];
const names = ["star", "ring", "house", "cross", "checks", "triangle", "crescent", "square", "disc", "tree", "stripes"];
const all = [...names, "frame"];
const normalization = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] };
const plain: RecipeSettings = { mixup: 0, cutmix: 0, eraseProbability: 0 };
const student = deit("student", { imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 1, classes: 10 });

/** The teacher's logits for the fixture's images, in the order of the data's classes. */
async function answer(settings: RecipeSettings): Promise<Float32Array> {
  const { tensors } = await readSafetensors(fixture("expected.safetensors"));
  const images = tensors.get("images")!;
  const recipe = parseRecipe({ ...plain, distillation: "soft", ...settings });
  const teacher = await openOnnxTeacher(settings.teacherWeights!, recipe, classes);
  const answers = await teacher.open(student, 6, String);
  const batch: Batch = {
    step: 0,
    size: 16,
    first: 0,
    images: images.data as Uint8Array,
    labels: new Int32Array(6),
    views: new Int32Array(6),
    indices: Int32Array.from({ length: 6 }, (_, i) => i),
    count: 6,
  };
  try {
    return (await answers.answer(0, 0, batch)).prediction.data as Float32Array;
  } finally {
    await answers.close();
  }
}

async function expected(key: string): Promise<number[]> {
  const { tensors } = await readSafetensors(fixture("expected.safetensors"));
  const logits = tensors.get(key)!.data as Float32Array;
  return Array.from({ length: 6 }, (_, i) => classes.map((c) => logits[i * 12 + all.indexOf(c)])).flat();
}

function expectClose(got: Float32Array, wanted: readonly number[]): void {
  expect(got.length).toBe(wanted.length);
  // float32 through one convolution: a few units in the last place of values of up to ten.
  wanted.forEach((v, i) => {
    expect(Math.abs(got[i] - v)).toBeLessThan(1e-4);
  });
}

describe("an ONNX teacher", () => {
  it("gives its size, normalisation and classes; channels first, free batch; PyTorch's outputs", async () => {
    expectClose(await answer({ teacherWeights: fixture("channels_first.onnx") }), await expected("logits.bicubic.20"));
  });

  it("follows the recipe before its metadata", async () => {
    const settings = { teacherWeights: fixture("channels_first.onnx"), teacherInterpolation: "bilinear" } as const;
    expectClose(await answer({ ...settings, teacherImageSize: 10 }), await expected("logits.bilinear.10"));
  });

  it("channels last, batches of four, probabilities; as the recipe specifies", async () => {
    const got = await answer({
      teacherWeights: fixture("channels_last.onnx"),
      teacherNormalization: normalization as never,
      teacherClasses: fixture("classes.txt"),
    });
    const wanted = await expected("logits.bicubic.16");
    // Logarithms of probabilities are the logits up to a number per image.
    for (let i = 0; i < 6; i++) {
      const shift = got[i * 10] - wanted[i * 10];
      for (let c = 0; c < 10; c++) expect(Math.abs(got[i * 10 + c] - shift - wanted[i * 10 + c])).toBeLessThan(1e-3);
    }
  });

  it("is described by the files that other libraries put next to it", async () => {
    const beside = folder("hub");
    await mkdir(join(beside, "onnx"), { recursive: true });
    await copyFile(fixture("channels_last.onnx"), join(beside, "onnx", "model.onnx"));
    await writeFile(
      join(beside, "preprocessor_config.json"),
      JSON.stringify({ image_mean: normalization.mean, image_std: normalization.std, size: { height: 16, width: 16 } }),
    );
    await writeFile(join(beside, "config.json"), JSON.stringify({ id2label: Object.fromEntries(all.entries()) }));
    expect(await answer({ teacherWeights: join(beside, "onnx", "model.onnx") })).toHaveLength(60);
  });

  it("is refused with a clear message if something is missing", async () => {
    const open = (settings: RecipeSettings, wanted = classes) =>
      openOnnxTeacher(settings.teacherWeights!, parseRecipe({ distillation: "hard", ...settings }), wanted).then((t) =>
        t.open(student, 6, String),
      );
    const last = { teacherWeights: fixture("channels_last.onnx") };
    await expect(open(last)).rejects.toThrow("set `teacherNormalization` to imagenet, inception, none");
    await expect(open({ ...last, teacherNormalization: "imagenet" })).rejects.toThrow(
      "has 12 classes, but the data has 10, and the teacher's have no names; set `teacherClasses`",
    );
    await expect(
      open({ teacherWeights: fixture("channels_first.onnx") }, [...classes.slice(1), "discus"]),
    ).rejects.toThrow('does not know "discus" of the data (its nearest is "disc")');
    await expect(
      open({ ...last, teacherNormalization: "none", teacherClasses: fixture("classes.txt"), teacherImageSize: 32 }),
    ).rejects.toThrow(/takes images of 16 pixels, but `?teacherImageSize`? is 32/);
    await writeFile(folder("broken.onnx"), "no model at all, but some words");
    await expect(open({ teacherWeights: folder("broken.onnx") })).rejects.toThrow(/is not a valid ONNX model/);
    await expect(open({ teacherWeights: folder("gone.onnx") })).rejects.toThrow("it does not exist");
  });

  it("teaches beside the step, and from stored answers to the very same weights", async () => {
    const settings: RecipeSettings = {
      distilled: true,
      distillation: "hard",
      teacherWeights: fixture("channels_first.onnx"),
    };
    await train(options("beside", settings));
    await buildTeacherCache({
      recipe: parseRecipe({ ...micro, ...settings }),
      engine: runs.engine(),
      data: "procedural:16:96",
      output: folder("stored"),
      workers: 0,
    });
    await train(options("replayed", { ...settings, teacherCache: folder("stored") }));
    await expectSameState(folder("beside"), folder("replayed"));
    const normalized = { ...settings, teacherNormalization: "imagenet", teacherCache: folder("stored") } as const;
    await expect(train(options("other", normalized))).rejects.toThrow("the teacher differs");
  });
});
