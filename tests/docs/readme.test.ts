/** Every command block of the README runs as it stands there; training is cut short by appended settings. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
  });

  it("the program of the library section", async () => {
    await writeFile(join(sandbox.folder, "example.mjs"), blocks.find((b) => b.language === "js")!.text);
    const { code, output } = await sandbox.shell(`"${process.execPath}" example.mjs`);
    expect(code, output).toBe(0);
    expect(output).toMatch(/\[ '(cat|dog)', '(cat|dog)' \]/);
  });
});
