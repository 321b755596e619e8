/** What bash completes with the script of `deit completion bash`; the scripts of other shells hold the same names. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { modelNames } from "../../src/models/registry.js";
import { recipeNames } from "../../src/training/recipe/file.js";
import { commandPaths } from "../docs/samples.js";
import { deit } from "./run.js";

const recipes = await recipeNames();
let folder: string;
const scripts = new Map<string, string>();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "deit-completion-"));
  for (const name of ["photos", "deit tiny"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "own.json"), "{}");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await deit(["completion", shell]);
    expect(code).toBe(0);
    scripts.set(shell, stdout);
  }
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** The proposals for the last of the words. */
function completed(words: readonly string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const asked = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _deit; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const script = `${scripts.get("bash")}\n${asked}`;
  const output = execFileSync("bash", ["--norc", "-c", script], { cwd: folder, encoding: "utf8", stdio: "pipe" });
  return output.split("\n").filter(Boolean);
}

describe("completion", () => {
  it.each<[line: readonly string[], proposals: readonly string[]]>([
    [["deit", "tr"], ["train"]],
    [
      ["deit", "data", "p"],
      ["pack", "preview"],
    ],
    [
      ["deit", "engine", "install", "cuda"],
      ["cuda13", "cuda12"],
    ],
    [
      ["deit", "data", "fetch", "cifar"],
      ["cifar10", "cifar100"],
    ],
    [["deit", "train", "--clip"], ["--clip-gradient"]],
    [["deit", "train", "--model", "deit_tiny_d"], ["deit_tiny_distilled_patch16_224"]],
    [["deit", "train", "photos", "--engine", "x"], ["xla"]],
    [
      ["deit", "train", "--on-nan", ""],
      ["stop", "skip", "rollback"],
    ],
    [["deit", "train", "--set", "lrNoiseS"], ["lrNoiseStd="]],
    [
      ["deit", "train", "small"],
      ["small-data", "small-images"],
    ],
    [["deit", "train", "ph"], ["photos"]],
    [
      ["deit", "train", "deit-tiny", ""],
      [...recipes, "procedural", "deit tiny", "own.json", "photos"],
    ],
    [["deit", "train", "--recipe", "o"], ["own.json"]],
    [["deit", "train", "--output", "deit"], ["deit tiny"]],
    [
      ["deit", "predict", "train", "--th"],
      ["--threads", "--threshold"],
    ],
    [["deit", "data", "--m"], []],
    [["deit", "data", "fetch", "--m"], ["--mirror"]],
  ])("of %j", (line, proposals) => {
    expect(completed(line).sort()).toEqual([...proposals].sort());
  });

  it.each(["bash", "zsh", "fish"])("names all commands, models and recipes in %s", async (shell) => {
    const script = scripts.get(shell) ?? "";
    const names = [...(await commandPaths()).flat(), ...modelNames(), ...recipes];
    expect(names.filter((name) => !script.includes(name))).toEqual([]);
  });
});
