/** Every command block of the README runs as it stands there; training is cut short by appended settings. */
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawProcedural } from "../src/data/sources/procedural.js";
import { root } from "./cli/run.js";

const readme = await readFile(join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language, text]) => ({ language, text }));
const commands = blocks.filter((b) => b.language === "sh").flatMap((b) => b.text.trim().split("\n"));
const shared = process.env.DEIT_SHARED ?? join(root, "../shared");

/** What makes a command of hours one of seconds. */
const shorter: readonly [RegExp, string][] = [
  [
    /^deit train/,
    " --epochs 1 --batch-size 4 --set model=deit imageSize=32 patchSize=8 width=32 depth=1 heads=2 warmupEpochs=0",
  ],
];
/** Run by CI around this test, or (the demo) by the test below in a shorter form. */
const elsewhere = ["npm ci && npm test", "npm ci && npm start"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-readme-"));
  const photo = (label: number, seed: number) => {
    const { data } = drawProcedural({ size: 48, seed, label });
    return sharp(data, { raw: { width: 48, height: 48, channels: 3 } })
      .jpeg()
      .toBuffer();
  };
  for (const part of ["train", "test"])
    for (const [label, name] of ["cat", "dog"].entries()) {
      await mkdir(join(folder, "photos", part, name), { recursive: true });
      for (let i = 0; i < 6; i++)
        await writeFile(join(folder, "photos", part, name, `${i}.jpg`), await photo(label, i));
    }
  await mkdir(join(folder, "holiday"));
  await writeFile(join(folder, "holiday", "1.jpg"), await photo(0, 9));
  await writeFile(join(folder, "cat.jpg"), await photo(1, 8));
  // What published weights would be: a real checkpoint in the hub's cache, and beside the user's files.
  const weights = join(shared, "weights/deit_tiny_patch16_224.safetensors");
  await copyFile(weights, join(folder, "deit_tiny.safetensors"));
  const snapshot = join(folder, "hf/hub/models--timm--deit_tiny_patch16_224.fb_in1k/snapshots/main");
  await mkdir(snapshot, { recursive: true });
  await symlink(weights, join(snapshot, "model.safetensors"));
  await copyFile(join(shared, "data/imagenet-classes.txt"), join(folder, "classes.txt"));
  await mkdir(join(folder, "val"));
  const sample = "n01440764_tench.JPEG";
  await copyFile(join(shared, "data/imagenet-sample", sample), join(folder, "val", sample));
  await symlink(join(root, "recipes"), join(folder, "recipes"));
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules/deit"));
  await mkdir(join(folder, "bin"));
  await writeFile(
    join(folder, "bin/deit"),
    `#!/bin/sh\nexec "${process.execPath}" "${join(root, "bin/deit.js")}" "$@"\n`,
  );
  await chmod(join(folder, "bin/deit"), 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function shell(command: string): Promise<{ code: number; output: string }> {
  const env = {
    ...process.env,
    PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH}`,
    HF_HOME: join(folder, "hf"),
    HF_HUB_OFFLINE: "1",
  };
  return new Promise((resolve) => {
    execFile("sh", ["-c", command], { cwd: folder, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
    );
  });
}

describe("README", () => {
  it("begins with the two commands of a fresh machine", () => {
    expect(commands.slice(0, 2)).toEqual(["npm ci && npm start", "npm ci && npm test"]);
  });

  // In order: later commands use what earlier ones leave.
  it.each(commands.filter((c) => !elsewhere.includes(c)))(
    "%s",
    async (command) => {
      const extra = shorter.find(([pattern]) => pattern.test(command))?.[1] ?? "";
      const { code, output } = await shell(command + extra);
      expect(code, output).toBe(0);
    },
    300_000,
  );

  it("npm start, in short", async () => {
    const { code, output } = await shell("deit demo --epochs 1 --images 256");
    expect(code, output).toBe(0);
    for (const row of ["chance", "linear classifier", "DeiT from scratch"]) expect(output).toContain(row);
  });

  it("the program of the library section", async () => {
    await writeFile(join(folder, "example.mjs"), blocks.find((b) => b.language === "js")!.text);
    const { code, output } = await shell(`"${process.execPath}" example.mjs`);
    expect(code, output).toBe(0);
    expect(output).toMatch(/\[ '(cat|dog)', '(cat|dog)' \]/);
  });
});
