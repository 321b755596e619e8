import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../sources/open.js";
import type { Dataset } from "./dataset.js";
import { parseSplitRule, partOf, writeSplit } from "./split.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit-split-"));
});
afterAll(() => rm(root, { recursive: true }));

/** Samples by their keys; the class is the key's first letter. */
const named = (keys: readonly string[]): Dataset => ({
  name: "named",
  classes: ["a", "b"],
  length: keys.length,
  label: (i) => (keys[i].startsWith("a") ? 0 : 1),
  source: (i) => ({ kind: "file", path: keys[i] }),
  describe: (i) => keys[i],
  key: (i) => keys[i],
});
const keysOf = (data: Dataset): string[] => Array.from({ length: data.length }, (_, i) => data.key(i));
const keys = Array.from({ length: 300 }, (_, i) => `${i < 200 ? "a" : "b"}/${i}.jpg`);

describe("a split by hash", () => {
  const rule = { kind: "hash", share: 0.1 } as const;

  it("takes its share of each class, and every sample once", () => {
    const [train, test] = (["train", "test"] as const).map((part) => keysOf(partOf(named(keys), rule, part)));
    expect(test.filter((k) => k.startsWith("a"))).toHaveLength(20);
    expect(test.filter((k) => k.startsWith("b"))).toHaveLength(10);
    expect([...train, ...test].sort()).toEqual([...keys].sort());
  });

  it("depends only on names, and hardly changes when samples are added", () => {
    const test = new Set(keysOf(partOf(named(keys), rule, "test")));
    expect(new Set(keysOf(partOf(named([...keys].reverse()), rule, "test")))).toEqual(test);
    const more = [...keys, ...Array.from({ length: 20 }, (_, i) => `b/new ${i}.jpg`)];
    const later = new Set(keysOf(partOf(named(more), rule, "test")));
    // 12 of 120 instead of 10 of 100: a new sample may replace an old one, but no more than that.
    expect([...test].filter((k) => !later.has(k)).length).toBeLessThanOrEqual(4);
  });

  it("keeps a sample that is listed more than once on one side", () => {
    const repeated = keys.flatMap((key) => [key, key, key]);
    const [train, test] = (["train", "test"] as const).map((part) => keysOf(partOf(named(repeated), rule, part)));
    expect(test.filter((key) => train.includes(key))).toEqual([]);
    expect(test.length).toBeGreaterThanOrEqual(84); // 90, less up to one sample of each class
    expect(keysOf(partOf(named(["a1", "a1", "b1", "b1", "b1", "b2"]), rule, "test")).length).toBeLessThanOrEqual(3);
  });

  it("leaves both parts a sample of each class", () => {
    const few = ["a1", "a2", "b1", "b2"];
    expect(keysOf(partOf(named(few), rule, "test"))).toHaveLength(2);
    expect(keysOf(partOf(named(few), { kind: "hash", share: 0.99 }, "train"))).toHaveLength(2);
  });
});

describe("a recorded split", () => {
  it("is the same again, with new samples for training", async () => {
    const path = join(root, "split.json");
    const test = partOf(named(keys), { kind: "hash", share: 0.2 }, "test");
    await writeSplit(path, 0.2, keys.length, test);
    const rule = await parseSplitRule(path);
    const more = named([...keys, "a/new.jpg"]);
    expect(keysOf(partOf(more, rule, "test"))).toEqual(keysOf(test));
    expect(keysOf(partOf(more, rule, "train"))).toContain("a/new.jpg");
    expect(() => partOf(named(["b/other.jpg"]), rule, "test")).toThrow("belongs to other data");
  });

  it("is refused in a sentence if it is malformed", async () => {
    await writeFile(join(root, "x.json"), '{"format": 1}');
    await expect(parseSplitRule(join(root, "x.json"))).rejects.toThrow("records no split");
    await expect(parseSplitRule("1.5")).rejects.toThrow("`split` is");
    await expect(parseSplitRule(join(root, "none.json"))).rejects.toThrow("it does not exist");
  });
});

it("openDataset splits data without parts", async () => {
  const rule = await parseSplitRule("0.25");
  const [train, test] = await Promise.all(
    (["train", "test"] as const).map((split) => openDataset("procedural:16:80", { split, rule })),
  );
  expect([train.length, test.length]).toEqual([60, 20]);
});

it("refuses to hold out anything where each class has one image", () => {
  const rule = { kind: "hash", share: 0.2 } as const;
  const single = named(["a/0.jpg", "b/0.jpg"]);
  expect(keysOf(partOf(single, rule, "train"))).toEqual(["a/0.jpg", "b/0.jpg"]);
  expect(() => partOf(single, rule, "validation")).toThrow(
    'No class of "named" has two images, so none can be held out to measure on; add images.',
  );
});
