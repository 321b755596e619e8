/** Epochs that go through the images several times. */
import { describe, expect, it } from "vitest";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import { expectSameState, micro, trainSteps, useRuns, useTeacher } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const teacher = useTeacher(runs);

describe("epochRepeats", () => {
  it("makes epochs longer, and continues one in its second pass as if it had not been interrupted", async () => {
    const settings: RecipeSettings = { epochRepeats: 1.5, repeatedAugmentation: 1, accumulate: 2, epochs: 1 };
    const { epochs } = await train(options("whole", settings));
    expect(epochs.map(({ epoch, step }) => [epoch, step])).toEqual([[1, 9]]); // 144 of 96 images, 16 in a step
    expect(await trainSteps(options("broken-off", settings), 7)).toBe(true);
    await train(options("broken-off", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("broken-off"));
  });

  it("has a teacher's stored answers of its own", async () => {
    const settings: RecipeSettings = {
      ...{ epochRepeats: 2, distillation: "hard", epochs: 1 },
      teacherWeights: teacher(),
    };
    const stored = await buildTeacherCache({
      recipe: parseRecipe({ ...micro, ...settings }),
      ...{ engine: runs.engine(), data: "procedural:16:96", output: folder("answers"), workers: 0 },
    });
    expect(stored.viewsPerEpoch).toBe(192);
    await train(options("stored", { ...settings, teacherCache: folder("answers") }));
    const other = { ...settings, epochRepeats: 1, teacherCache: folder("answers") };
    await expect(train(options("other", other))).rejects.toThrow("that of passes in an epoch (epochRepeats)");
  });

  it("is refused beside stored features of a frozen part, and where no epoch is trained", () => {
    const frozen = { trainedParts: "head", frozenViews: "all" } as const;
    expect(() => parseRecipe({ ...frozen, epochRepeats: 2 })).toThrow("epochRepeats=2 shows it more often in an epoch");
    expect(() => parseRecipe({ epochs: 0, headStart: "fitted", epochRepeats: 2 })).toThrow("epochRepeats=2 changes");
  });
});
