/** Several teachers of one student: in the step, beside it, stored, and mixtures of these. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import type { OwnTeacher, TeacherImages } from "../../src/index.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { describeRun } from "../../src/training/run-folder/manifest.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import type { StoredSize } from "../../src/training/teacher/manifest.js";
import { expectSameState, micro, trainSteps, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
let first: string;
let second: string;
beforeAll(async () => {
  const quiet: RecipeSettings = { epochs: 1, mixup: 0, cutmix: 0 };
  const one = await train(options("first", { ...quiet, width: 24, heads: 3 }));
  const two = await train(options("second", { ...quiet, seed: 1, imageSize: 24 }));
  [first, second] = [one, two].map((run) => join(run.folder, "best.safetensors"));
});

const taught = (settings: RecipeSettings = {}): RecipeSettings => ({
  ...{ distilled: true, distillation: "soft", distillationTau: 2, epochs: 1 },
  teachers: [
    { name: "wide", teacherWeights: first, weight: 3 },
    { name: "large", teacherWeights: second, teacherImageSize: 24 },
  ],
  ...settings,
});
const store = (name: string, settings: RecipeSettings, more = {}) =>
  buildTeacherCache({
    recipe: parseRecipe({ ...micro, ...settings }),
    ...{ engine: runs.engine(), data: "procedural:16:96", output: folder(name), workers: 0, ...more },
  });
/** The largest difference of the heads' weights of two runs. */
async function headDifference(a: string, b: string): Promise<number> {
  const [x, y] = await Promise.all([a, b].map((n) => readSafetensors(join(folder(n), "state.safetensors"))));
  const heads = [...x.tensors.keys()].filter((name) => /^head/.test(name));
  return Math.max(
    ...heads.flatMap((name) =>
      [...(x.tensors.get(name)!.data as Float32Array)].map((v, i) =>
        Math.abs(v - Number(y.tensors.get(name)!.data[i])),
      ),
    ),
  );
}

describe("several teachers", () => {
  it("teach as one if they are the same, and otherwise differently from either", async () => {
    await train(options("single", { ...taught({ teachers: undefined }), teacherWeights: first }));
    const twice = [{ teacherWeights: first }, { teacherWeights: first, weight: 2 }];
    await train(options("twice", taught({ teachers: twice })));
    expect(await headDifference("single", "twice")).toBeLessThan(1e-4);
    const { folder: path } = await train(options("both", taught()));
    expect(await headDifference("single", "both")).toBeGreaterThan(1e-3);
    const { manifest } = (await describeRun(path))!;
    expect(manifest.teacher).toMatch(/^[0-9a-f]{64}$/);
    const { tensors } = await readSafetensors(join(path, "state.safetensors"));
    expect([...tensors.keys()].filter((name) => name.startsWith("teacher"))).toEqual([]);
  });

  it("continue a run as if it had not been interrupted, and not with another teacher", async () => {
    const settings = taught({ distillation: "hard", epochs: 2 });
    await train(options("whole", settings));
    expect(await trainSteps(options("broken-off", settings), 4)).toBe(true);
    await expect(
      train(options("broken-off", { ...settings, teachers: [{ teacherWeights: first }] }, { resume: true })),
    ).rejects.toThrow("was started with other settings: teachers was");
    await train(options("broken-off", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("broken-off"));
  });

  it("are stored each in a folder of its own, with the size of all, and come close to those in the step", async () => {
    let size: StoredSize | undefined;
    const stored = await store("caches", taught(), { onSize: (s: StoredSize) => (size = s) });
    expect(stored).toMatchObject({ folder: folder("caches"), kind: "logits", viewsPerEpoch: 96 });
    expect(size).toMatchObject({ views: 2 * 96, bytes: 2 * 96 * (10 * 4 + 2 + 4) });
    expect((await readdir(folder("caches"))).sort()).toEqual(["large", "wide"]);
    await train(options("live", taught()));
    await train(options("replayed", taught({ teacherCache: folder("caches") })));
    expect(await headDifference("live", "replayed")).toBeLessThan(0.01);
    // Each is a cache like any other, so another mean and another mode need nothing new, nor the weights.
    const mixed = [{ teacherCache: join(folder("caches"), "wide") }, { teacherWeights: second, teacherImageSize: 24 }];
    await train(options("mixed", taught({ teachers: mixed, distillation: "hard" })));
    await train(options("alone", { ...taught({ teachers: undefined }), teacherCache: join(folder("caches"), "wide") }));
    const swapped = [
      { name: "wide", teacherWeights: second },
      { name: "large", teacherWeights: first },
    ];
    await expect(
      train(options("swapped", taught({ teachers: swapped, teacherCache: folder("caches") }))),
    ).rejects.toThrow("the teacher differs");
  });

  it("need logits, even for hard distillation", async () => {
    await store("decisions", { ...taught({ teachers: undefined, distillation: "hard" }), teacherWeights: first });
    const teachers = [{ teacherCache: folder("decisions") }, { teacherWeights: second, teacherImageSize: 24 }];
    await expect(train(options("f1", taught({ teachers, distillation: "hard" })))).rejects.toThrow(
      /contains decisions only, but the mean of several teachers needs logits; create it with distillation=soft/,
    );
  });

  it("may be functions, each by its name", async () => {
    const answer = (sign: number) => (images: TeacherImages) =>
      Array.from({ length: images.shape[0] }, (_, i) => Array.from({ length: 10 }, (_, c) => sign * Math.sin(i + c)));
    const own: OwnTeacher[] = [
      { name: "plus", identity: "1", answer: answer(1) },
      { name: "minus", identity: "2", answer: answer(-1) },
    ];
    const teachers = [
      { teacherWeights: "function:plus" },
      { teacherWeights: "function:minus", weight: 1 },
      { teacherWeights: first },
    ];
    const { epochs } = await train(options("functions", taught({ teachers }), { ownTeacher: own }));
    expect(epochs).toHaveLength(1);
    await expect(train(options("f2", taught({ teachers }), { ownTeacher: own.slice(1) }))).rejects.toThrow(
      'The teacher "plus" of the recipe is a function',
    );
  });

  it("show features of one of them", async () => {
    const features = { teacher: "blocks.0", from: "wide", grid: 2 };
    const { folder: path } = await train(options("featured", taught({ features })));
    const { tensors } = await readSafetensors(join(path, "state.safetensors"));
    expect(tensors.get("featureProjection.weight")!.shape).toEqual([24, 16]);
    await store("with-features", taught({ features }));
    await train(options("featured-cache", taught({ features, teacherCache: folder("with-features") })));
    expect(await headDifference("featured", "featured-cache")).toBeLessThan(0.02);
  });
});

describe("a recipe of several teachers is refused", () => {
  const settings = (change: RecipeSettings): RecipeSettings => ({ ...taught(), ...change });
  const two = (a: object, b: object) => [
    { teacherWeights: "a", ...a },
    { teacherWeights: "b", ...b },
  ];
  it.each<[string, RecipeSettings, string]>([
    ["beside one teacher", { teacherWeights: "c" }, "The recipe has both teacherWeights and a list of teachers"],
    ["without weights", { teachers: [{ name: "a" }] }, 'There are no weights for the teacher "a"; set teacherWeights'],
    ["with one name twice", { teachers: two({ name: "x" }, { name: "x" }) }, 'Two teachers are called "x"'],
    ["with a weight of 0", { teachers: two({ weight: 0 }, {}) }, '"teachers.0.weight" of the recipe is wrong'],
    [
      "with a misspelt setting",
      { teachers: two({ teacherWeight: "x" } as object, {}) },
      'did you mean "teacherWeights"?',
    ],
    ["with a name that no folder has", { teachers: two({ name: "../a" }, {}) }, "letters, digits, dots, dashes"],
    ["with features of any", { features: { teacher: "s1" } }, 'set features.from to one of "wide", "large"'],
    ["with features of another", { features: { teacher: "s1", from: "wid" } }, 'did you mean "wide"?'],
    [
      "with features alone",
      { distillation: "none", distilled: false, features: { teacher: "s1", from: "wide" } },
      'and nothing of its other teachers, since its distillation is "none"',
    ],
  ])("%s", (_, change, sentence) => {
    expect(() => parseRecipe(settings(change))).toThrow(sentence);
  });

  it("if features name a teacher of none", () => {
    const features = { teacher: "s1", from: "wide" };
    expect(() => parseRecipe({ teacherWeights: "a", features })).toThrow("the recipe has no list of teachers");
  });
});
