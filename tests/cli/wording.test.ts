/** Sentences of the library in the words of each command: no option that it lacks. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { expect, it } from "vitest";
import { commandLine } from "../../src/cli/main.js";
import { speakFor, speaking, worded } from "../../src/cli/output/wording.js";
import { textOf } from "../../src/errors/message-of.js";
import { type NamedCommand, type Sentence, sentence, setting, settingsOf, way } from "../../src/errors/sentence.js";
import { type Setting, settings } from "../../src/errors/settings.js";
import { parseRecipe, recipeSchema } from "../../src/training/recipe/recipe.js";
import { root } from "./run.js";

async function commandOf(path: readonly string[]): Promise<Command> {
  let command = await commandLine(path);
  for (const name of path) command = command.commands.find((c) => c.name() === name)!;
  return command;
}

/** The words of all commands that do something. */
async function allCommands(): Promise<(readonly string[])[]> {
  const names = (await commandLine([])).commands.map((c) => c.name());
  const deep = names.map(async (name) => {
    const inner = (await commandOf([name])).commands;
    return inner.length === 0 ? [[name]] : inner.map((c) => [name, c.name()]);
  });
  return (await Promise.all(deep)).flat();
}

const said = (command: Command, text: Sentence): Promise<string> =>
  speaking(async () => {
    speakFor(command);
    return worded(text);
  });

const flagsIn = (text: string): readonly string[] => text.match(/--[a-z-]+/g) ?? [];
const names = Object.keys(settings) as Setting[];

it("names no option that the command lacks, and every one that it has", async () => {
  const missing: string[] = [];
  const commands = await allCommands();
  expect(commands.length).toBeGreaterThan(20);
  for (const path of commands) {
    const command = await commandOf(path);
    const own = command.options.map((option) => option.long);
    for (const name of names) {
      const bare = await said(command, sentence`Choose ${setting(name)}.`);
      const offered = await said(command, sentence`Bad${way`; give ${setting(name, "x")}`}.`);
      for (const flag of [...flagsIn(bare), ...flagsIn(offered)])
        if (!own.includes(flag)) missing.push(`${path.join(" ")} ${flag}`);
      const flag = `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
      if (own.includes(flag)) expect([bare, offered]).toEqual([`Choose ${flag}.`, `Bad; give ${flag} x.`]);
    }
  }
  expect(missing).toEqual([]);
});

it("names options of other commands that these have", async () => {
  const source = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => readFileSync(join(root, "src", path), "utf8"))
    .join("\n");
  const mentions = [...source.matchAll(/\b(?:setting|settingsOf)\(((?:[^()]|\([^()]*\))*)\)\s*\.of\("([a-z ]+)"\)/g)];
  expect(mentions.length).toBeGreaterThan(8);
  const runs = await commandOf(["runs"]);
  for (const [whole, values, other] of mentions) {
    const inner = values.startsWith("{") ? [...values.matchAll(/(\w+):/g)].map((m) => m[1]) : [/\w+/.exec(values)![0]];
    const text = await said(
      runs,
      sentence`${settingsOf(Object.fromEntries(inner.map((name) => [name, "x"]))).of(other as NamedCommand)}`,
    );
    expect(text, whole).toMatch(new RegExp(`^deit ${other} --`));
    const own = (await commandOf(other.split(" "))).options.map((option) => option.long);
    expect(own, whole).toEqual(expect.arrayContaining([...flagsIn(text)]));
    if (text.includes("--set ")) for (const name of inner) expect(Object.keys(recipeSchema.shape)).toContain(name);
  }
});

it("knows which settings are a recipe's", () => {
  const ofRecipe = names.filter((name) => settings[name] === "recipe");
  expect(Object.keys(recipeSchema.shape)).toEqual(expect.arrayContaining(ofRecipe));
});

it.each([
  ["evaluate", "Bad; give --model deit, or other weights."],
  ["tokens", "Bad; give deit:WEIGHTS, or other weights."],
  ["train", "Bad; give --model deit, or other weights."],
  ["report", "Bad; give other weights."],
])("names a model as %s takes it", async (name, expected) => {
  const text = sentence`Bad; ${way`give ${setting("model", "deit")}, or other weights`.or`give other weights`}.`;
  expect(await said(await commandOf([name]), text)).toBe(expected);
});

it("changes a recipe if a setting has no option", async () => {
  const text = sentence`Use ${settingsOf({ headStart: "given", trainedParts: "head", epochs: 5 })}, or a lower ${setting("patchSize")}.`;
  expect(await said(await commandOf(["train"]), text)).toBe(
    "Use --epochs 5 --set headStart=given trainedParts=head, or a lower patchSize.",
  );
});

it("is used for the original program's options, which a recipe has not", async () => {
  const error = await commandOf(["train"]).then((command) =>
    speaking(async () => {
      speakFor(command);
      try {
        parseRecipe({ "output-dir": "x", resume: "y" });
      } catch (error) {
        return worded(textOf(error));
      }
    }),
  );
  expect(error).toMatch(/is here: the option --output\. .* is here: the option --resume\.$/);
});

it("uses the library's words if no command runs", () => {
  expect(worded(sentence`Set ${setting("split", 0.2)}.`)).toBe("Set `split: 0.2`.");
});
