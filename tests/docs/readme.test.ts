/** Every command block of the README runs as it stands there; training is cut short by appended settings. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { describeWithReference as describe, itWithReference as it } from "../setup/reference-data.js";
import { blocksOf, commandsOf, createSandbox, type Sandbox, shortened } from "./sandbox.js";

const blocks = await blocksOf("README.md");
const commands = commandsOf(blocks);
/** Run by CI around this test, or (the demo) by the test below in a shorter form. */
const elsewhere = ["npm ci && npm test", "npm ci && npm start"];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox.remove());

describe("README", () => {
  it("begins with the two commands of a fresh machine", () => {
    expect(commands.slice(0, 2)).toEqual(["npm ci && npm start", "npm ci && npm test"]);
  });

  // In order: later commands use what earlier ones leave.
  it.each(commands.filter((c) => !elsewhere.includes(c)))(
    "%s",
    async (command) => {
      const { code, output } = await sandbox.shell(shortened(command));
      expect(code, output).toBe(0);
    },
    300_000,
  );

  it("npm start, in short", async () => {
    const { code, output } = await sandbox.shell("deit demo --epochs 1 --images 128 --test-images 64");
    expect(code, output).toBe(0);
    for (const row of ["chance", "linear classifier", "teacher", "no distillation", "soft", "hard", "both heads"])
      expect(output).toContain(row);
    const left = JSON.parse(await readFile(join(sandbox.folder, "runs/demo/table3.json"), "utf8"));
    expect(left.rows).toHaveLength(9);
    expect(await readFile(join(sandbox.folder, "runs/demo/table3.svg"), "utf8")).toContain("both heads");
    const page = await readFile(join(sandbox.folder, "runs/demo/index.html"), "utf8");
    for (const shown of ["Curves", "Attention of both tokens", "Hardest images"]) expect(page).toContain(shown);
    expect(page).not.toMatch(/(?:src|href)="(?!data:|#)/);
    expect(output).toContain("index.html");
  });

  const program = blocks.find((b) => b.language === "js")!.text;
  const runProgram = async (name: string, text: string) => {
    await writeFile(join(sandbox.folder, name), text);
    const { code, output } = await sandbox.shell(`"${process.execPath}" ${name}`);
    expect(code, output).toBe(0);
    return output;
  };

  it("the program of the library section", async () => {
    expect(await runProgram("example.mjs", program)).toMatch(/\[ '(cat|dog)', '(cat|dog)' \]/);
  });

  it("the same with published weights, which do not name their classes", async () => {
    const weights = '{ model: "deit_tiny_patch16_224", weights: "deit_tiny.safetensors" }';
    const published = program.replace('"runs/photos"', weights).replaceAll('"cat.jpg"', '"val/n01440764_tench.JPEG"');
    expect(published).toContain(weights);
    expect(await runProgram("published.mjs", published)).toMatch(/^\[ 'n01440764 tench',/);
  });

  it("and with require()", async () => {
    const script = 'console.log(typeof require("deit").openModel, require("deit/package.json").name);';
    expect(await runProgram("required.cjs", script)).toContain("function deit");
  });

  it.each([
    ["examples/predict.mjs runs/photos cat.jpg", /%\s+(cat|dog)/],
    [
      "examples/features.mjs deit_tiny.safetensors cat.jpg deit_tiny_patch16_224",
      /embedding \[ 1, 192 \]\npatches \[ 1, 14, 14, 192 \]/,
    ],
    ["examples/train-step.mjs", /step 20: loss \d/],
    ["examples/custom-model.mjs", /logits \[ 2, 10 \]/],
  ])("%s", async (command, says) => {
    // As who copies it out of the package into a project of their own.
    await sandbox.shell(`cp ${command.split(" ")[0]} .`);
    const { code, output } = await sandbox.shell(`"${process.execPath}" ${command.replace("examples/", "")}`);
    expect(code, output).toBe(0);
    expect(output).toMatch(says);
  });
});
