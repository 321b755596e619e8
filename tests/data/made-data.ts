/** Datasets that a test makes, and what is found in them. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pack } from "tar-stream";
import type { Dataset } from "../../src/data/dataset/dataset.js";
import { openAllParts } from "../../src/data/sources/all-parts.js";

/** A picture of 34 pixels in width, for content. */
export const image = new URL("../fixtures/images/plain.png", import.meta.url).pathname;

/** A folder of its own for the datasets of one test file. */
export async function scratchData() {
  const root = await mkdtemp(join(tmpdir(), "deit people "));
  let count = 0;
  return {
    /** A folder with these files: text or bytes where a content is given, the picture otherwise. */
    async made(files: Readonly<Record<string, string | Uint8Array>> | string): Promise<string> {
      const path = join(root, String(count++));
      await mkdir(path);
      const entries =
        typeof files === "string" ? files.split(" ").map((name) => [name, image] as const) : Object.entries(files);
      for (const [name, content] of entries) {
        await mkdir(join(path, dirname(name)), { recursive: true });
        if (content === image) await copyFile(image, join(path, name));
        else await writeFile(join(path, name), content);
      }
      return path;
    },
    remove: () => rm(root, { recursive: true }),
  };
}

/** What the data holds, as "train cat:2 dog:1; validation cat:1". */
export async function holds(path: string): Promise<string> {
  const { parts } = await openAllParts(path, {});
  return parts.map(({ name, dataset }) => `${name} ${counted(dataset)}`).join("; ");
}

/** Images of each class, as "cat:2 dog:1". */
export function counted({ classes, length, label }: Dataset): string {
  const counts = classes.map(() => 0);
  for (let i = 0; i < length; i++) counts[label(i)]++;
  return classes.map((name, i) => `${name}:${counts[i]}`).join(" ");
}

/** A tar archive of these members. */
export async function tar(members: Readonly<Record<string, string | Uint8Array>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(members)) archive.entry({ name }, Buffer.from(content));
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
