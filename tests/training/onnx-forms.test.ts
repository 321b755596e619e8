/** What ONNX classifiers answer with and where their weights lie: taken as it is, or refused (tests/fixtures/teachers). */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { deit } from "../../src/models/deit.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import { openOnnxTeacher } from "../../src/training/teacher/onnx.js";
import { micro, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const fixture = (name: string) => new URL(`../fixtures/teachers/${name}`, import.meta.url).pathname;
const classes = ["disc", "ring", "square", "frame", "triangle", "cross", "star", "stripes", "checks", "crescent"];
const student = deit("student", { imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 1, classes: 10 });
const { tensors } = await readSafetensors(fixture("forms.safetensors"));
const expected = tensors.get("logits")!.data as Float32Array;

async function answer(teacherWeights: string, settings: RecipeSettings = {}): Promise<ArrayLike<number>> {
  const plain = { mixup: 0, cutmix: 0, eraseProbability: 0, distillation: "soft" } as const;
  const teacher = await openOnnxTeacher(
    teacherWeights,
    parseRecipe({ ...plain, teacherWeights, ...settings }),
    classes,
  );
  const answers = await teacher.open(student, 6, (index) => `image ${index}`);
  const indices = Int32Array.from({ length: 6 }, (_, i) => i);
  const images = tensors.get("images")!.data as Uint8Array;
  try {
    const batch = {
      step: 0,
      size: 16,
      first: 0,
      images,
      labels: new Int32Array(6),
      indices,
      views: new Int32Array(6),
      count: 6,
    };
    return (await answers.answer(0, 0, batch)).prediction.data as Float32Array;
  } finally {
    await answers.close();
  }
}

/** Rows that differ by a number each are the same to softmax. */
function expectLogits(got: ArrayLike<number>, wanted: ArrayLike<number>, shifted = false): void {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const first = i - (i % 10);
    const shift = shifted ? got[first] - wanted[first] : 0;
    // Sigmoids near 1 keep few digits of what went into them.
    expect(Math.abs(got[i] - shift - wanted[i])).toBeLessThan(1e-3 * Math.max(1, Math.abs(wanted[i])));
  }
}

describe("answers are taken back to logits", () => {
  it.each<[string, string, RecipeSettings]>([
    ["of a sigmoid, told by the graph", "sigmoid.onnx", {}],
    ["of a sigmoid, told by the recipe", "hidden_sigmoid.onnx", { teacherAnswers: "sigmoids" }],
    ["of two outputs that with as many numbers as classes", "features_first.onnx", {}],
    ["of two outputs that the recipe names", "twice.onnx", { teacherOutput: "b2" }],
    ["of bytes, which no normalisation is asked for", "bytes.onnx", {}],
    ["with weights in a file beside it", "external.onnx", {}],
  ])("%s", async (_, name, settings) => {
    expectLogits(await answer(fixture(name), settings), expected);
  });

  it("of ultralytics, by its own metadata: names, size and no normalisation", async () => {
    const rows = Array.from({ length: 6 }, (_, i) => [...expected.slice(10 * i, 10 * i + 10)].reverse());
    expectLogits(await answer(fixture("ultralytics.onnx")), rows.flat(), true);
  });

  it("of a file with an upper-case extension, in training", async () => {
    await copyFile(fixture("features_first.onnx"), folder("TEACHER.ONNX"));
    const settings = { distillation: "hard", teacherWeights: folder("TEACHER.ONNX"), epochs: 1 } as const;
    expect((await train(options("capitals", settings))).interrupted).toBe(false);
  });
});

describe("what cannot be inferred is refused", () => {
  it.each<[string, RecipeSettings, RegExp]>([
    ["hidden_sigmoid.onnx", {}, /between 0 and 1 without summing to 1.*teacherAnswers/],
    ["twice.onnx", {}, /several outputs.*"a" \[batch, 10\], "b2" \[batch, 10\].*teacherOutput/],
    ["twice.onnx", { teacherOutput: "c" }, /none of its outputs .* is "c"/],
    ["overflow.onnx", {}, /overflow.onnx" to "image 0" is not a number/],
  ])("%s %j", async (name, settings, sentence) => {
    await expect(answer(fixture(name), settings)).rejects.toThrow(sentence);
  });

  it("hard decisions need no setting", async () => {
    const got = await answer(fixture("hidden_sigmoid.onnx"), { distillation: "hard" });
    const best = (i: number) => [...expected.slice(10 * i, 10 * i + 10)];
    expect([...(got as Int32Array)]).toEqual([0, 1, 2, 3, 4, 5].map((i) => best(i).indexOf(Math.max(...best(i)))));
  });

  it("an overflowing teacher is not stored, hard or soft", async () => {
    for (const distillation of ["hard", "soft"] as const) {
      const recipe = parseRecipe({ ...micro, distillation, teacherWeights: fixture("overflow.onnx") });
      const cache = {
        recipe,
        engine: runs.engine(),
        data: "procedural:16:96",
        workers: 0,
        output: folder(distillation),
      };
      await expect(buildTeacherCache(cache)).rejects.toThrow(/overflow.onnx" to ".+" is not a number/);
    }
  });
});

it("a teacher's identity covers the files that its weights lie in", async () => {
  const path = folder("external.onnx");
  await copyFile(fixture("external.onnx"), path);
  const data = await readFile(fixture("external.onnx.data"));
  await writeFile(`${path}.data`, data);
  const recipe = parseRecipe({ distillation: "soft", teacherWeights: path });
  const before = await openOnnxTeacher(path, recipe, classes);
  expect((await openOnnxTeacher(path, recipe, classes)).identity).toBe(before.identity);
  data.writeFloatLE(data.readFloatLE(0) * 0.5, 0);
  await writeFile(`${path}.data`, data);
  expect((await openOnnxTeacher(path, recipe, classes)).identity).not.toBe(before.identity);
});
