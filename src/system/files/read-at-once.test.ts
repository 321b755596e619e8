import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { atOnce, readFileAside, readFileInto, readsAreSlow } from "./read-at-once.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-read-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Reads within this thread take this many milliseconds; the answer counts those that are handed over until one is not. */
async function handedOver(milliseconds: number): Promise<number> {
  for (let count = 0; ; count++) {
    const how = await atOnce(
      () => {
        const end = performance.now() + milliseconds;
        while (performance.now() < end);
        return "now";
      },
      async () => "later",
    );
    if (how === "now") return count;
  }
}

it("hands reads over after one that took long, twice as many each time, until one is fast", async () => {
  await handedOver(0);
  expect(await handedOver(2)).toBe(0);
  expect(readsAreSlow()).toBe(true);
  expect(await handedOver(2)).toBe(64);
  expect(await handedOver(2)).toBe(128);
  expect(await handedOver(0)).toBe(256);
  expect(readsAreSlow()).toBe(false);
  expect(await handedOver(2)).toBe(0);
  expect(await handedOver(0)).toBe(64);
});

it("passes on failures of both ways of reading", async () => {
  const failing = () => {
    throw new Error("broken");
  };
  await expect(atOnce(failing, async () => failing())).rejects.toThrow("broken");
});

it.each([
  ["at once", async (...args: Parameters<typeof readFileInto>) => readFileInto(...args)],
  ["aside", readFileAside],
])("reads a file into memory that is already allocated: %s", async (_, read) => {
  const path = join(folder, "file");
  await writeFile(path, "hello");
  const memory = new Uint8Array(100).fill(1);
  const allocate = (n: number) => memory.subarray(0, n);
  expect(Buffer.from(await read(path, 1 << 20, allocate)).toString()).toBe("hello");
  expect(memory[5]).toBe(1);
  await expect(read(join(folder, "none"), 1 << 20, allocate)).rejects.toThrow("ENOENT");
  await expect(read(path, 4, allocate)).rejects.toThrow("more than 4 bytes");
  await expect(read(folder, 1 << 20, allocate)).rejects.toThrow("it is a folder");
});
