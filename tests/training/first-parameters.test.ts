/** What a run starts from, beside random numbers and whole weights: elements of a larger model. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createModel, initialize, writeSafetensors } from "../../src/index.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { firstParameters } from "../../src/training/run/run-start.js";

const sizes = { imageSize: 32, patchSize: 8, width: 24, depth: 3, heads: 2, classes: 4 };
const student = { model: "deit", imageSize: 32, patchSize: 8, width: 12, depth: 2, heads: 1 };
let scratch: string;
let large: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-first-"));
  large = join(scratch, "large.safetensors");
  await writeSafetensors(large, initialize(createModel("deit", sizes), 1), {
    "deit.model": "deit",
    "deit.config": JSON.stringify(sizes),
  });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("init", () => {
  it("selects from the weights of a file, for one seed the same", async () => {
    const recipe = parseRecipe({ ...student, init: { from: large, by: "selection" } });
    const model = createModel("deit", { ...student, classes: 7 });
    const first = await firstParameters(model, recipe, []);
    const theirs = initialize(createModel("deit", sizes), 1).get("blocks.1.mlp.fc2.weight")!.data;
    const ours = first.get("blocks.1.mlp.fc2.weight")!;
    expect(ours.shape).toEqual([12, 48]);
    expect(ours.data[12 * 4 + 5]).toBe(theirs[2 * 96 + 2 * 5]); // row 1, column 5, of every second each
    expect(await firstParameters(model, recipe, [])).toEqual(first);
  });

  it("is mimetic without any weights", async () => {
    const recipe = parseRecipe({ ...student, seed: 3, init: { by: "mimetic" } });
    const model = createModel("deit", { ...student, classes: 7 });
    const first = await firstParameters(model, recipe, []);
    const drawn = initialize(model, 3);
    expect(first.get("blocks.1.mlp.fc2.weight")).toEqual(drawn.get("blocks.1.mlp.fc2.weight"));
    expect(first.get("blocks.1.attn.qkv.weight")).not.toEqual(drawn.get("blocks.1.attn.qkv.weight"));
    expect(await firstParameters(model, recipe, [])).toEqual(first);
  });

  it("is refused beside finetune, and by a way that there is not", () => {
    const init = { from: large, by: "selection" };
    expect(() => parseRecipe({ init, finetune: large })).toThrow(
      "Both init and finetune say what the model starts from",
    );
    expect(() => parseRecipe({ init: { from: large, by: "luck" } })).toThrow(
      'The setting "init.by" of the recipe is wrong: it is "luck", and can be selection, mimetic',
    );
    expect(() => parseRecipe({ init: { from: large } })).toThrow(
      'The setting "init.by" of the recipe is wrong: it is missing, and must be one of "selection", "mimetic".',
    );
    expect(() => parseRecipe({ init: { by: "mimetic", from: large } })).toThrow(
      'The setting "init" of the recipe reads no "from" beside its other values; remove it.',
    );
    expect(() => parseRecipe({ init: { by: "mimetic", form: large } })).toThrow('has no "form"; did you mean "from"?');
  });
});
