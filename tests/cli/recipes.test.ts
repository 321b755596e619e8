/** The recipes that come with the package, and recipes of the user's own. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { define } from "../../src/cli/commands/train.js";
import { spreadLists } from "../../src/cli/options/lists.js";
import { type Asked, dataAndRecipe, type RecipeChoice, resolveRecipe } from "../../src/cli/options/recipe.js";
import { modelNames } from "../../src/models/registry.js";
import { isRecipe, readRecipe, recipeNames } from "../../src/training/recipe/file.js";
import { originalOptions } from "../../src/training/recipe/original-options.js";
import { parseRecipe, type Recipe, recipeSchema } from "../../src/training/recipe/recipe.js";
import { createStudent } from "../../src/training/recipe/student.js";
import { timmOptions } from "../../src/training/recipe/timm-options.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-recipes-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** What a command line of `deit train` asks for. */
async function asked(words: readonly string[]): Promise<{ ask: Asked<RecipeChoice>; recipe: Recipe }> {
  const command = new Command("train").exitOverride();
  define(command);
  let found: Asked<RecipeChoice> | undefined;
  command.action(async (first: string, second: string | undefined, options: RecipeChoice) => {
    found = await dataAndRecipe(first, second, options);
  });
  await command.parseAsync(spreadLists(words), { from: "user" });
  return { ask: found!, recipe: await resolveRecipe(found!.options) };
}

const names = await recipeNames();

describe("packaged recipes", () => {
  it("cover the paper", () => {
    const wanted = ["tiny", "small", "base"].flatMap((s) => [`deit-${s}`, `deit-${s}-distilled`]);
    const transfers = ["cifar10", "cifar100", "flowers102", "cars", "inat18", "inat19"].map((d) => `transfer-${d}`);
    const others = ["deit-base-384", "deit-base-distilled-384", "small-data", "cifar10-cpu"];
    expect(names).toEqual(expect.arrayContaining([...wanted, ...transfers, ...others]));
  });

  it.each(names)("%s begins with its command, which leads to itself, and gives reasons", async (name) => {
    const settings = await readRecipe(name);
    expect(Object.keys(settings)[0]).toBe("about");
    const line = /^`deit train ([^`]+)`/.exec(settings.about as string)?.[1] ?? "";
    const { ask, recipe } = await asked(line.split(" "));
    expect(ask.options.recipe).toBe(name);
    expect(ask.data).toMatch(/^[a-z0-9]+\/$/);
    expect(recipe).toEqual(parseRecipe(settings));
    expect(createStudent(recipe, 10).parameters.length).toBeGreaterThan(10);
    expect(recipe.about).toMatch(/hour|minute|day|third|accelerator|forward pass/);
    // What the model is, the description says; every other setting has its reason.
    const reasonless = Object.keys(settings).filter((k) => !["about", "why", "model"].includes(k) && !recipe.why?.[k]);
    expect(reasonless).toEqual([]);
  });
});

describe("recipes of the user's own", () => {
  it("are JSON, or code that gives settings", async () => {
    const write = (file: string, text: string) => writeFile(join(scratch, file), text).then(() => join(scratch, file));
    expect(await readRecipe(await write("a.json", '{"depth": 3}'))).toEqual({ depth: 3 });
    expect(await readRecipe(await write("b.mjs", "export default { depth: 2 + 2 };"))).toEqual({ depth: 4 });
    const typed = "const depth: number = 5;\nexport default (): { depth: number } => ({ depth });";
    expect(await readRecipe(await write("c.ts", typed))).toEqual({ depth: 5 });
    await expect(readRecipe(await write("d.mjs", "export const depth = 3;"))).rejects.toThrow(
      "its default export must be an object of settings",
    );
    await expect(readRecipe(await write("e.mjs", "throw new Error('no luck');"))).rejects.toThrow("no luck");
    expect(await readRecipe(await write("windows.json", '\uFEFF{"depth": 6}'))).toEqual({ depth: 6 });
    await expect(readRecipe(await write("f.json", "[1]"))).rejects.toThrow("it must hold a JSON object");
  });

  it("are distinguished from data, and named once", async () => {
    expect(await isRecipe("small-data")).toBe(true);
    expect(await isRecipe(join(scratch, "a.json"))).toBe(true);
    expect([await isRecipe(scratch), await isRecipe("procedural")]).toEqual([false, false]);
    expect((await asked(["small-data"])).ask).toMatchObject({ options: { recipe: "small-data" } });
    expect((await asked(["photos"])).ask).toMatchObject({ data: "photos" });
    await expect(asked(["small-data", "photos", "--recipe", "deit-base"])).rejects.toThrow("given twice");
    await expect(asked(["small-dota", "photos"])).rejects.toThrow('did you mean "small-data"?');
  });

  it("are changed by options and --set, the last word winning", async () => {
    const { recipe } = await asked(["deit-tiny", "x", "--epochs", "7", "--set", "lr=0.1", "cropScale=[0.5,1]"]);
    expect(recipe).toMatchObject({ model: "deit_tiny_patch16_224", epochs: 7, lr: 0.1, cropScale: [0.5, 1] });
    await expect(asked(["deit-tiny", "x", "--set", "dropPth=0.2"])).rejects.toThrow('did you mean "dropPath"?');
  });
});

describe("names of the original program", () => {
  it("are answered with ours", () => {
    expect(() => parseRecipe({ reprob: 0.1 })).toThrow(
      "the original program's option of that name is here: eraseProbability",
    );
    expect(() => parseRecipe({ "--attn-only": true })).toThrow("trainedParts=attention");
  });

  it("of timm are answered too, from the schema's metadata", () => {
    const answered = (name: string) => expect(() => parseRecipe({ [name]: 1 }), name);
    answered("kd_temperature").toThrow("timm's option of that name is here: distillationTau.");
    answered("--kd-distill-type").toThrow("here: distillation (logit is soft;");
    answered("task_loss_weight").toThrow("here: taskLossWeight.");
    answered("distill-loss-weight").toThrow("here: distillationLossWeight.");
    answered("kd-loss-type").toThrow("not needed: the only one of timm, kl, is distillation=soft");
    answered("std").toThrow("here: normalization.");
    answered("initial_checkpoint").toThrow("here: finetune.");
    for (const [theirs, ours] of Object.entries(timmOptions)) {
      expect(theirs).toMatch(/^[a-z][\w-]*$/);
      const setting = /^\w+/.exec(ours)![0];
      if (setting !== "not") expect(Object.keys(recipeSchema.shape), theirs).toContain(setting);
    }
  });

  it("all stand in the document, with settings that exist", async () => {
    const text = await readFile(new URL("../../docs/from-facebookresearch-deit.md", import.meta.url), "utf8");
    for (const [theirs, ours] of Object.entries(originalOptions)) {
      expect(text, theirs).toContain(`\`${theirs}\``);
      const setting = /^([a-zA-Z]+)(=|\b)/.exec(String(ours))?.[1] ?? "";
      if (!/^(not|the)$/.test(setting)) expect(Object.keys(recipeSchema.shape), theirs).toContain(setting);
    }
  });

  it("stand beside commands that are understood, for every published model and recipe of the paper's models", async () => {
    const text = await readFile(new URL("../../docs/from-facebookresearch-deit.md", import.meta.url), "utf8");
    for (const model of modelNames().filter((name) => /^deit_.*patch/.test(name)))
      expect(text).toContain(`\ndeit evaluate --model ${model} --weights hub --data `);
    const lines = [...text.matchAll(/^deit train (.+)$/gm)].map(([, words]) => words.split(" "));
    const used = await Promise.all(lines.map(async (words) => (await asked(words)).ask.options.recipe));
    expect(used).toEqual(expect.arrayContaining(["deit-tiny", "deit-small", "deit-base", "deit-base-distilled"]));
    expect(used).toContain("deit-base-384");
  });
});
