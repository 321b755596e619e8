import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { atOnce, readFileInto } from "./read-at-once.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-read-"));
});
afterAll(() => rm(folder, { recursive: true }));

it("hands reads over for a while after one that took long", async () => {
  const slow = () => {
    const start = performance.now();
    while (performance.now() - start < 2);
    return "now";
  };
  const read = (now: () => string) => atOnce(now, async () => "later");
  while ((await read(slow)) !== "now");
  for (let i = 0; i < 64; i++) expect(await read(() => "now")).toBe("later");
  expect(await read(() => "now")).toBe("now");
});

it("passes on failures of both ways of reading", async () => {
  const failing = () => {
    throw new Error("broken");
  };
  await expect(atOnce(failing, async () => failing())).rejects.toThrow("broken");
});

it("reads a file into memory that is already allocated", async () => {
  const path = join(folder, "file");
  await writeFile(path, "hello");
  const memory = new Uint8Array(100).fill(1);
  expect(Buffer.from(readFileInto(path, 1 << 20, (n) => memory.subarray(0, n))).toString()).toBe("hello");
  expect(memory[5]).toBe(1);
  expect(() => readFileInto(join(folder, "none"), 1 << 20, (n) => memory.subarray(0, n))).toThrow("ENOENT");
});
