/** Runs whose epochs show the classes in other numbers than the data has them. */
import { describe, expect, it } from "vitest";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import { expectSameState, micro, trainSteps, useRuns, useTeacher } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const teacher = useTeacher(runs);

describe("sampling", () => {
  it("continues a run in mid-epoch as if it had not been interrupted, bit for bit", async () => {
    const settings: RecipeSettings = { sampling: "squareRoot", repeatedAugmentation: 2, accumulate: 2 };
    await train(options("whole", settings));
    expect(await trainSteps(options("broken-off", settings), 8)).toBe(true);
    await train(options("broken-off", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("broken-off"));
  });

  it("has a teacher's stored answers of its own", async () => {
    const settings: RecipeSettings = {
      sampling: "balanced",
      distillation: "hard",
      teacherWeights: teacher(),
      epochs: 1,
    };
    await buildTeacherCache({
      recipe: parseRecipe({ ...micro, ...settings }),
      ...{ engine: runs.engine(), data: "procedural:16:96", output: folder("answers"), workers: 0 },
    });
    await train(options("stored", { ...settings, teacherCache: folder("answers") }));
    const other = { ...settings, sampling: "all", teacherCache: folder("answers") } as const;
    await expect(train(options("other", other))).rejects.toThrow("or the sampling of classes differs");
  });

  it("is refused beside stored features of a frozen part, which have each image once", () => {
    const frozen = { trainedParts: "head", frozenViews: "all" } as const;
    expect(() => parseRecipe({ ...frozen, sampling: "balanced" })).toThrow("stores each image once a view");
  });

  it("is refused beside weights by a rule", () => {
    expect(() => parseRecipe({ sampling: "balanced", classWeights: "auto" })).toThrow(
      "Both sampling=balanced and classWeights=auto make up for the sizes of classes",
    );
    expect(parseRecipe({ sampling: "balanced", classWeights: [1, 2] }).sampling).toBe("balanced");
  });
});
