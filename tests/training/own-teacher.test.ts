/** A function of the caller's own as a teacher: what it is shown, what it may answer, and students that learn from it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Batch,
  createLoader,
  createModel,
  distil,
  type OwnTeacher,
  openDataset,
  type TeacherImages,
} from "../../src/index.js";
import { buildTeacherCache, parseRecipe } from "../../src/training/index.js";
import { describeRun } from "../../src/training/run-folder/manifest.js";
import type { TeacherAnswers } from "../../src/training/teacher/answers.js";
import { openOwnTeacher } from "../../src/training/teacher/function.js";
import { expectSameState, micro, useRuns } from "./setup.js";

const runs = useRuns();
const { folder } = runs;
const data = "procedural:16:96";
const classes = 10;
const settings = () => ({ engine: runs.engine(), workers: 0, split: "given", recipe: micro }) as const;

/** Logits by the mean colour of each image, computed the way another program would. */
function byColour({ shape: [batch, height, width], data }: TeacherImages): number[][] {
  return Array.from({ length: batch }, (_, i) => {
    const pixels = data.subarray(i * height * width * 3, (i + 1) * height * width * 3);
    const mean = pixels.reduce((sum, v) => sum + v, 0) / pixels.length;
    return Array.from({ length: classes }, (_, c) => Math.sin(7 * mean + c));
  });
}

async function taughtBy(teacher: OwnTeacher["answer"] | OwnTeacher, output: string, more = {}) {
  const run = await distil(data, { ...settings(), ...more, teacher, output: folder(output) });
  const said: string[] = [];
  for await (const event of run) if (event.kind === "warning") said.push(event.message);
  return { ...(await run.finished), said };
}

describe("a function teaches", () => {
  it("by the images that the student sees, at the size and normalisation that it asks for", async () => {
    const shown: TeacherImages[] = [];
    const answer = (images: TeacherImages) => {
      shown.push(images);
      return { shape: [images.shape[0], classes], data: byColour(images).flat() };
    };
    const { interrupted, said } = await taughtBy({ answer, imageSize: 24, normalization: "none" }, "shown");
    expect(interrupted).toBe(false);
    expect(said.join("\n")).toMatch(/function without an identity/);
    const [{ dtype, shape, data: pixels }] = shown;
    expect([dtype, shape, pixels.length]).toEqual(["float32", [16, 24, 24, 3], 16 * 24 * 24 * 3]);
    // Bicubic resizing overshoots a little.
    expect(Math.min(...pixels)).toBeGreaterThan(-0.5);
    expect(Math.max(...pixels)).toBeLessThan(1.5);
    expect(Math.max(...pixels)).toBeGreaterThan(0.5);
    const { recipe, manifest } = (await describeRun(folder("shown")))!;
    expect([recipe.distillation, recipe.teacherWeights, manifest.teacher]).toEqual([
      "hard",
      "function:teacher",
      undefined,
    ]);
  });

  it("with classes in an order of its own", async () => {
    const names = ["disc", "ring", "square", "frame", "triangle", "cross", "star", "stripes", "checks", "crescent"];
    const turned = (images: TeacherImages) => byColour(images).map((row) => row.reverse());
    await taughtBy({ answer: byColour, classes: names }, "straight", { mode: "soft" });
    await taughtBy({ answer: turned, classes: [...names].reverse() }, "turned", { mode: "soft" });
    await expectSameState(folder("straight"), folder("turned"));
    await expect(taughtBy({ answer: byColour, classes: [...names.slice(1), "discus"] }, "other")).rejects.toThrow(
      'does not know "disc" of the data',
    );
  });

  it("and from its cached outputs to identical weights, if it has an identity", async () => {
    const teacher: OwnTeacher = { answer: byColour, name: "colour", identity: "1" };
    await taughtBy(teacher, "beside");
    const recipe = parseRecipe({ ...micro, distillation: "hard", teacherWeights: "function:colour" });
    const cache = { recipe, engine: runs.engine(), data, output: folder("stored"), workers: 0 };
    await buildTeacherCache({ ...cache, ownTeacher: teacher });
    const replayed = { settings: { teacherCache: folder("stored") } };
    await taughtBy({ ...teacher, answer: () => [] }, "replayed", replayed);
    await expectSameState(folder("beside"), folder("replayed"));
    await expect(taughtBy({ ...teacher, identity: "2" }, "newer", replayed)).rejects.toThrow("the teacher differs");
    const unknown = /Stored predictions cannot be matched with the teacher "colour"/;
    await expect(taughtBy({ ...teacher, identity: undefined }, "unknown", replayed)).rejects.toThrow(unknown);
    const nameless = { answer: byColour, name: "colour" };
    await expect(buildTeacherCache({ ...cache, ownTeacher: nameless })).rejects.toThrow(unknown);
    await expect(buildTeacherCache(cache)).rejects.toThrow(/"colour" of the recipe is a function, which no file holds/);
  });
});

describe("an output that is not a prediction is refused", () => {
  const rows = (images: TeacherImages) => byColour(images);
  let current: OwnTeacher["answer"] = rows;
  let answers: TeacherAnswers;
  let batch: Batch;
  beforeAll(async () => {
    const recipe = parseRecipe({ ...micro, distillation: "hard", teacherWeights: "function:teacher" });
    const dataset = await openDataset(data, { split: "train" });
    const { model: name, imageSize, patchSize, width, depth, heads } = recipe;
    const student = createModel(name, { imageSize, patchSize, width, depth, heads, classes });
    const loader = createLoader({
      ...{ dataset, batchSize: 16, seed: 0, workers: 0, order: "sequential", dropLast: true },
      transform: { kind: "evaluation", size: student.imageSize, cropRatio: 1, interpolation: "bicubic" },
    });
    batch = (await loader.epoch(0).next()).value!;
    const teacher = openOwnTeacher({ answer: (images) => current(images) }, recipe, dataset.classes);
    answers = await teacher.open(student, 16, dataset.describe);
  });
  afterAll(() => answers.close());

  it.each<[string, OwnTeacher["answer"], RegExp]>([
    ["too few rows", (images) => rows(images).slice(1), /returned 15 rows; it must return .*\[16, 10\]/],
    ["a short row", (images) => rows(images).map((row, i) => (i === 3 ? [1] : row)), /1 numbers in row 3/],
    ["another shape", (images) => ({ shape: [10, 16], data: rows(images).flat() }), /the shape \[10, 16\]/],
    ["too few numbers", () => ({ shape: [16, 10], data: [1, 2] }), /returned 2 numbers/],
    ["nothing", () => undefined as never, /something else than a tensor/],
    ["NaN", (images) => rows(images).map((row) => row.map((v, c) => (c === 2 ? Number.NaN : v))), /is infinite or NaN/],
  ])("%s", async (_, answer, sentence) => {
    current = answer;
    await expect(answers.answer(0, 0, batch)).rejects.toThrow(sentence);
    // The next batch is answered all the same.
    current = rows;
    expect((await answers.answer(0, 0, batch)).prediction.shape).toEqual([16]);
  });

  it("and an error ends the training", async () => {
    const answer = () => {
      throw new Error("no such server");
    };
    await expect(taughtBy(answer, "refused")).rejects.toThrow(/The teacher "teacher" failed: no such server/);
  });
});
