/**
 * Every command that README, docs and help show is right. Blocks marked `sh` are run (readme.test.ts, docs.test.ts); here
 * all are parsed, with the recipe of each training. Programs are compiled by tests/api.test.ts.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, CommanderError } from "commander";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { commandLine, main } from "../../src/cli/main.js";
import { spreadLists } from "../../src/cli/options/lists.js";
import { isRecipe } from "../../src/training/recipe/file.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { commandPaths, helpExamples, type Shown, shownCommands, words } from "./samples.js";
import { blocksOf } from "./sandbox.js";

/** Blocks whose lines are no command of deit's, by how they begin, and why they are not checked. */
const notChecked: readonly (readonly [beginning: RegExp, reason: string])[] = [
  [
    /^(npm (ci|install|test)|npx vite)\b/,
    "CI itself runs it in a checkout; tests/package/install.test.ts looks at what it brings",
  ],
  [/^python /, "the original program's, for comparison; nothing of it is needed here"],
  [/^\$ sbatch /, "needs a cluster; the job script beside it is run in cluster.test.ts"],
  [/^#!\/bin\/bash/, "the job script of the tutorial, run in cluster.test.ts"],
  [/^(photos|imagenet)\//, "a listing of folders"],
  [/^(import|const) /, "a program; compiled in tests/api.test.ts, and README's is run in readme.test.ts"],
  [/^throw new /, "how a message is written, in docs/architecture.md"],
  [/^DEIT_SHARED=\S+ npm run verify:export$/, "installs PyTorch, for comparison; nothing of it is needed here"],
  [/^Cross-Origin-/, "headers that the server of a page sends"],
  [/^\{ "model": /, "an answer of the server, as tests/server expects it"],
  [/^node bench\//, "how a figure was measured, in a checkout with the data for it"],
  [/^<!doctype html>/, "the page of the tutorial, built and opened in web-page.test.ts"],
  [/^(echo|cp|mkdir) /, "prepares what the next line of its block reads; the block is run"],
];

const documents = () => [...new Set(shown.map((s) => s.where).filter((w) => w.endsWith(".md")))];
const isNotChecked = (line: string) => notChecked.some(([beginning]) => beginning.test(line));

/** The recipe, or part of one, that a block in JSON shows; undefined for another block. */
function recipeIn({ language, text }: { readonly language: string; readonly text: string }): unknown {
  if (language !== "json" || isNotChecked(text.trim())) return undefined;
  return JSON.parse(text.trim().startsWith("{") ? text : `{${text}}`);
}

/** What commander says of a command that is only mentioned. */
const incomplete: ReadonlySet<string> = new Set(
  ["missingArgument", "missingMandatoryOptionValue", "optionMissingArgument", "help"].map((c) => `commander.${c}`),
);

const shown: readonly Shown[] = [...(await shownCommands()), ...(await helpExamples())];
const unique = [...new Map(shown.map((s) => [s.line, s])).values()];

/** Parses without acting; gives the command that would have acted. */
async function parsed(argv: readonly string[]): Promise<Command> {
  let acting = await commandLine(argv);
  const program = acting;
  const hush = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    if (command.commands.length === 0)
      command.action(() => {
        acting = command;
      });
    command.commands.forEach(hush);
  };
  hush(program);
  await program.parseAsync(spreadLists(argv), { from: "user" });
  return acting;
}

describe("commands", () => {
  let folder: string;
  const before = process.cwd();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "deit-shown-"));
    for (const data of ["photos", "imagenet", "data/flowers102"]) await mkdir(join(folder, data), { recursive: true });
    const own = { model: "deit", distilled: true };
    await writeFile(join(folder, "recipe.json"), JSON.stringify(own));
    const student = { ...own, distillation: "hard", teacherWeights: "runs/teacher" };
    await writeFile(join(folder, "student.json"), JSON.stringify(student));
    process.chdir(folder);
  });
  afterAll(async () => {
    process.chdir(before);
    await rm(folder, { recursive: true });
  });

  it("are shown, by every command's help too", async () => {
    expect(unique.length).toBeGreaterThan(60);
    for (const path of await commandPaths()) {
      const help = ["deit", ...path, "--help"].join(" ");
      const inner = path.length > 1 || !shown.some((s) => s.where.startsWith(`deit ${path.join(" ")} `));
      if (!inner) expect(shown.some((s) => s.where === help)).toBe(true);
    }
  });

  it.each(unique.map((s) => [s.line, s.where, s] as const))("%s (%s)", async (line, _, { mentioned }) => {
    const [program, ...argv] = words(line);
    expect(program).toBe("deit");
    const command = await parsed(argv).catch((error) => {
      if (mentioned && error instanceof CommanderError && incomplete.has(error.code)) return undefined;
      throw error;
    });
    if (!command) return;
    expect(command.name()).not.toBe("deit");
    const training = command.name() === "launch" ? [...command.args] : argv;
    if (command.name() === "launch") await parsed(training);
    if (training[0] !== "train" || training.includes("--resume") || training.includes("-h")) return;
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const warned = vi.spyOn(console, "error").mockImplementation(() => undefined);
    // Where none is named the data decides, which is not here: any recipe stands for it.
    const named = training.includes("--recipe") || (await Promise.all(training.slice(1).map(isRecipe))).includes(true);
    const code = await main([...training, "--print-recipe", ...(named ? [] : ["--recipe", "small-data"])]);
    const said = warned.mock.calls.flat().join("\n");
    log.mockRestore();
    warned.mockRestore();
    expect(code, said).toBe(0);
  });

  it("and nothing else that could be one is skipped without a reason", async () => {
    const open: string[] = [];
    for (const where of documents())
      for (const { language, text } of await blocksOf(where)) {
        if (recipeIn({ language, text }) !== undefined) continue;
        const lines = language === "bash" ? [text] : text.trim().split("\n");
        for (const line of lines) {
          if (line.trim() === "" || /^\s*(\$ )?deit /.test(line)) continue;
          const asked = language === "sh" || language === "bash" || line === lines[0] || /^\$ /.test(line);
          if (asked && !isNotChecked(line)) open.push(`${where}: ${line}`);
        }
      }
    expect(open).toEqual([]);
  });
});

it("recipes in JSON are recipes", async () => {
  const recipes = (await Promise.all(documents().map(blocksOf))).flat().map(recipeIn);
  const found = recipes.filter((recipe) => recipe !== undefined);
  expect(found.length).toBeGreaterThan(1);
  for (const recipe of found) expect(parseRecipe(recipe)).toBeDefined();
});
