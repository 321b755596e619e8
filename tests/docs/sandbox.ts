/**
 * A user's machine for the commands of the documents: the packed package installed and `deit` on the path, photos,
 * published weights in the hub's cache.
 */
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import sharp from "sharp";
import { drawProcedural } from "../../src/data/pixels/procedural-image.js";
import { root } from "../cli/run.js";
import { shared } from "../setup/reference-data.js";
import { packed } from "./packed.js";

/** What makes a command of hours one of seconds. */
const shorter: readonly [RegExp, string][] = [
  [
    /\bdeit (?:train|teach|lr-find|data preview) (?!.*--finetune|finetune).*/g,
    "$& --epochs 1 --batch-size 4 --set model=deit imageSize=32 patchSize=8 width=32 depth=1 heads=2 warmupEpochs=0",
  ],
  [/\bdeit train (?=.*--finetune)(?!head-only).*/g, "$& --epochs 1"],
  // Convnets become DeiTs too, whose layers have other names.
  [/(--features |features\.teacher=)s3\b/g, "$1blocks.0"],
];
export const shortened = (text: string): string =>
  shorter.reduce((all, [pattern, short]) => all.replace(pattern, short), text);

export interface Block {
  readonly language: string;
  readonly text: string;
}

/** Blocks of code of a document. `sh` is run line by line; `console` shows what cannot be run in a test. */
export async function blocksOf(document: string): Promise<readonly Block[]> {
  const text = await readFile(join(root, document), "utf8");
  return [...text.matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(([, language, code]) => ({ language, text: code }));
}
export const commandsOf = (blocks: readonly Block[]): readonly string[] =>
  blocks.filter((b) => b.language === "sh").flatMap((b) => b.text.trim().split("\n"));

export interface Sandbox {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  shell(command: string): Promise<{ code: number; output: string }>;
  /** Puts a shell script on the path. */
  program(name: string, script: string): Promise<void>;
  remove(): Promise<void>;
}

export async function createSandbox(): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), "deit-docs-"));
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
        await writeFile(
          join(folder, "photos", part, name, `${i}.jpg`),
          await photo(label, part === "train" ? i : 100 + i),
        );
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
  const modules = join(await packed(), "node_modules");
  await symlink(modules, join(folder, "node_modules"));
  await symlink(join(modules, "deit/examples"), join(folder, "examples"));
  const bin = join(folder, "bin");
  await mkdir(bin);
  const program = async (name: string, script: string) => {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  };
  await program("deit", `exec "${process.execPath}" "${join(modules, "deit/bin/deit.js")}" "$@"`);
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    HF_HOME: join(folder, "hf"),
    HF_HUB_OFFLINE: "1",
  };
  return {
    folder,
    env,
    program,
    remove: () => rm(folder, { recursive: true, force: true }),
    shell: (command) =>
      new Promise((resolve) => {
        execFile("sh", ["-c", command], { cwd: folder, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
        );
      }),
  };
}
