import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileError } from "../errors/errors.js";
import { RealAccuracy, readRealLabels } from "./real-labels.js";

const root = new URL("../../", import.meta.url).pathname;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-real-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function written(content: unknown): Promise<string> {
  const path = join(folder, "real.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("ImageNet-Real", () => {
  it("gives timm's accuracies; images without a right label count for nothing", async () => {
    const reference = JSON.parse(await readFile(join(root, "tests/fixtures/evaluation/real.json"), "utf8"));
    const labels = await readRealLabels(await written(reference.labels));
    const sums = new RealAccuracy();
    reference.names.forEach((name: string, i: number) => {
      sums.add(reference.logits[i], labels(`n01440764/${name}`)!);
    });
    const result = sums.result();
    expect(result.top1).toBeCloseTo(reference.top1, 10);
    expect(result.top5).toBeCloseTo(reference.top5, 10);
    expect(result.images).toBeLessThan(reference.names.length);
  });
  it("finds labels by file name too, and knows no others", async () => {
    const labels = await readRealLabels(await written({ "a.jpg": [1, 2] }));
    expect([labels("x/a.jpg"), labels("b.jpg")]).toEqual([[1, 2], undefined]);
    const list = await readRealLabels(await written([[1]]));
    expect([list("ILSVRC2012_val_00000001.JPEG"), list("ILSVRC2012_val_00000002.JPEG"), list("a.jpg")]).toEqual([
      [1],
      undefined,
      undefined,
    ]);
    expect(new RealAccuracy().result()).toEqual({ top1: 0, top5: 0, images: 0 });
  });
  it.each(["{", "7", '[["cat"]]', "[[-1]]", "[[1.5]]"])("refuses %s", async (text) => {
    await expect(readRealLabels(await written(text))).rejects.toThrow(FileError);
  });
  it("names the missing file", async () => {
    await expect(readRealLabels(join(folder, "none.json"))).rejects.toThrow(/none\.json.*does not exist/);
  });
});
